"""A file name written by a model: its stem, cleaned and checked."""

import re
import unicodedata
from collections import Counter

from anyascii import anyascii

from shared.models import Language
from shared.naming import is_reserved
from workers.ai.languages import TRAITS
from workers.ai.plain_text import has_link, plain_text

MAX_STEM_CHARACTERS = 54  # at most 60 with the "-12345" of files that share a name

# The result's own extension is appended later; a model often writes one, or the word for it.
_EXTENSION = "avif|bmp|gif|hei[cf]|jfif|jpe?g|png|svg|tiff?|webp"
_TRAILING_EXTENSION = re.compile(rf"(?:\.(?:{_EXTENSION})){{1,2}}[\W_]*$", re.IGNORECASE)
_EXTENSION_WORDS = re.compile(rf"(?:-(?:{_EXTENSION}))+$")

_NOT_IN_A_NAME = re.compile(r"[/\\:<>\r\n]")  # in paths, drives, markup or headers instead

# Names that cameras, phones and scanners give, and words that say nothing of the image.
_GENERIC = re.compile(
    r"(?:dcim|dsc[fn]?|file|foto|gopr|image|imagen|img|mvi|photo|pic|picture|pxl|scan|screenshot"
    r"|unnamed|untitled)[0-9-]*"
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


def clean(text: str, language: Language) -> str:
    """Returns lower-case ASCII words joined by hyphens, at most 54 characters; may be empty."""
    name = plain_text(text).lower().translate(_spelling_table(language))
    name = re.sub(r"['’](?=[st]\b)", "", name)  # dog's is one word, l'eau is two
    name = _HAN.sub(r" \g<0> ", name)  # each character is a syllable: xia-tian, not xiatian
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in name)
    # Transliteration writes some letters (ь, ع) as quotes, which do not separate words.
    plain = re.sub("['`\"]", "", anyascii(kept)).lower()
    return _EXTENSION_WORDS.sub("", _cut("-".join(re.findall("[a-z0-9]+", plain))))


def faults(text: str, stem: str) -> tuple[str, ...]:
    """Returns one sentence for each fault of a file name; empty where it is good.

    text: as the model wrote it, since cleaning hides some faults. stem: the result of `clean`.
    """
    words = stem.split("-")
    found = {
        "The file name was a path or had markup or a line break in it.": _NOT_IN_A_NAME.search(
            text.strip()
        ),
        "The file name had an address in it.": has_link(
            _TRAILING_EXTENSION.sub("", plain_text(text))
        )
        or any(word.startswith(("http", "www")) for word in words),
        "The file name had no words in it.": len(stem) < 2 or not re.search("[a-z]", stem),
        "The file name is reserved by an operating system.": is_reserved(stem),
        "The file name said nothing of the picture.": _GENERIC.fullmatch(stem),
        "The file name repeated a word.": max(Counter(words).values()) > 2,
    }
    return tuple(sentence for sentence, wrong in found.items() if wrong)


def _spelling_table(language: Language) -> dict[int, str]:
    return str.maketrans(dict(TRAITS[language].spelling))


def _cut(stem: str) -> str:
    """Returns the first words of the stem that fit, or the beginning of a single longer word."""
    if len(stem) <= MAX_STEM_CHARACTERS:
        return stem
    return stem[: MAX_STEM_CHARACTERS + 1].rpartition("-")[0] or stem[:MAX_STEM_CHARACTERS]
