"""An alt text written by a model: cleaned where that is safe, then checked."""

import re
import unicodedata

from shared.models import DescriptionRequest, Language
from workers.ai.keywords import is_stuffed
from workers.ai.languages import TRAITS, Traits
from workers.ai.plain_text import has_link, plain_text

_PICTOGRAPHS = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u20e3]")

# A quotation does not contain its own marks, so that two in a row are two matches.
_QUOTED = re.compile(
    r'"[^"]*"|“[^“”]*”|„[^„“”]*[“”]|”[^”]*”|‘[^‘’]*’|«[^«»]*»|»[^«»]*«|‹[^‹›]*›|「[^「」]*」|『[^『』]*』|《[^《》]*》'
)
_WRAPPED = re.compile(rf"{_QUOTED.pattern}|'[^']*'")

_FULL_STOP = re.compile(r"(?<![.。])\s*[.。।۔]$")  # not the last dot of an ellipsis

# HTML, its entities and event handlers, Markdown, and the openings of common template languages:
# a site may print an alt text without escaping it.
_MARKUP = re.compile(
    r"""[<>`]
    | &\#?\w+;
    | \bon[a-z]+\s*=
    | \]\s?[\[(] | !\[
    | ~~ | (?<!\w)([*_])\S(?:[^*_]*\S)?\1(?!\w)
    | ^[-+*\#]+\s
    | \{[{%] | [$\#]\{""",
    re.IGNORECASE | re.VERBOSE,
)
_HASH_TAG = re.compile(r"#\w*[^\W\d_]")  # not "#10", as on a shirt

_LATIN_WORD = re.compile(r"[A-Za-z0-9\u00c0-\u024f]+")


def clean(text: str) -> str:
    """Returns the text as plain text without emoji, outer quotation marks or a final full stop.

    Without the full stop, since most alt texts are phrases and those of a site should look alike.
    """
    line, before = plain_text(_PICTOGRAPHS.sub(" ", text)), None
    while line != before:
        before = line
        line = _FULL_STOP.sub("", line[1:-1].strip() if _WRAPPED.fullmatch(line) else line)
    return line


def faults(text: str, request: DescriptionRequest, max_characters: int) -> tuple[str, ...]:
    """Returns one sentence for each fault of a cleaned alt text; empty where it is good.

    max_characters: in code points. In scripts that combine several code points to one letter, as
    Hindi does, the limit is stricter than a reader would count.
    """
    if not text:
        return ("The alt text was empty.",)
    traits = TRAITS[request.language]
    normal = unicodedata.normalize("NFKC", text)  # full-width letters and brackets as usual ones
    found = {
        f"The alt text had more than {max_characters} characters.": len(text) > max_characters,
        "The alt text had markup in it.": _MARKUP.search(normal),
        "The alt text had an address, a handle or a hash tag in it.": has_link(text)
        or _HASH_TAG.search(normal),
        f"The alt text was not written in {traits.name}.": not _is_written_in(traits, normal),
        "The alt text began by saying that it is of a picture.": traits.announces(text)
        or TRAITS[Language.ENGLISH].announces(text),
        "The alt text repeated or listed keywords.": is_stuffed(text, request.keywords, traits),
    }
    return tuple(sentence for sentence, wrong in found.items() if wrong)


def _is_written_in(traits: Traits, text: str) -> bool:
    """Whether at least half of the letters outside quotations belong to the language's script.

    The language itself is not checked: English passes as Dutch.
    """
    unquoted = _QUOTED.sub(" ", text)
    if "LATIN" not in traits.scripts:
        unquoted = _LATIN_WORD.sub(_without_name, unquoted)
    letters = [unicodedata.name(c, "") for c in unquoted if c.isalpha()]
    in_script = sum(name.startswith(traits.scripts) for name in letters)
    return 0 < in_script >= len(letters) / 2


def _without_name(word: re.Match[str]) -> str:
    # A name such as Nike or iPhone is Latin in every script, and longer than a few Chinese letters.
    return word[0] if word[0].islower() else " "
