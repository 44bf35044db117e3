"""A file name's stem from what a model wrote: cleaned, and what is wrong with it."""

import re
import unicodedata
from collections import Counter

from anyascii import anyascii

from shared.models import Language
from shared.naming import is_reserved
from workers.ai.languages import TRAITS
from workers.ai.plain_text import has_address, one_line

MAX_STEM_CHARACTERS = 54  # with a "-12345" that tells namesakes apart it is still short: 60

# The name gets the extension of what it is a name for; a model puts one on, or the word for it.
_EXTENSION = "avif|bmp|gif|hei[cf]|jfif|jpe?g|png|svg|tiff?|webp"
_WRITTEN_EXTENSION = re.compile(rf"(?:\.(?:{_EXTENSION})){{1,2}}[\W_]*$", re.IGNORECASE)
_LAST_WORDS = re.compile(rf"(?:-(?:{_EXTENSION}))+$")

_NOT_OF_A_NAME = re.compile(r"[/\\:<>\r\n]")  # but of paths, drives, markup and headers

# What cameras, phones and the hurried call a picture.
_GENERIC = re.compile(
    r"(?:dcim|dsc[fn]?|file|foto|gopr|image|imagen|img|mvi|photo|pic|picture|pxl|scan|screenshot"
    r"|unnamed|untitled)[0-9-]*"
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


def clean(text: str, language: Language) -> str:
    """Lower-case ASCII words joined by hyphens, 54 characters at most; "" if none are left."""
    name = one_line(text).lower().translate(_table(language))
    name = re.sub(r"['’](?=[st]\b)", "", name)  # dog's is one word, l'eau two
    name = _HAN.sub(r" \g<0> ", name)  # each a syllable: xia-tian, not xiatian and so on to the end
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in name)
    # Signs that transliteration puts in for a letter (ь, ع) do not part a word.
    plain = re.sub("['`\"]", "", anyascii(kept)).lower()
    return _LAST_WORDS.sub("", _cut("-".join(re.findall("[a-z0-9]+", plain))))


def faults(text: str, stem: str) -> tuple[str, ...]:
    """What is wrong with a file name, a sentence each; empty when nothing is.

    text: as the model wrote it, for what cleaning hides. stem: what `clean` made of it.
    """
    words = stem.split("-")
    found = {
        "The file name was a path or had markup or a line break in it.": _NOT_OF_A_NAME.search(
            text.strip()
        ),
        "The file name had an address in it.": has_address(
            _WRITTEN_EXTENSION.sub("", one_line(text))
        )
        or any(word.startswith(("http", "www")) for word in words),
        "The file name had no words in it.": len(stem) < 2 or not re.search("[a-z]", stem),
        "The file name is reserved by an operating system.": is_reserved(stem),
        "The file name said nothing of the picture.": _GENERIC.fullmatch(stem),
        "The file name repeated a word.": max(Counter(words).values()) > 2,
    }
    return tuple(sentence for sentence, wrong in found.items() if wrong)


def _table(language: Language) -> dict[int, str]:
    return str.maketrans(dict(TRAITS[language].spelling))


def _cut(stem: str) -> str:
    """The stem's first words that fit; of one word alone, as much as fits."""
    if len(stem) <= MAX_STEM_CHARACTERS:
        return stem
    return stem[: MAX_STEM_CHARACTERS + 1].rpartition("-")[0] or stem[:MAX_STEM_CHARACTERS]
