"""An alternative text: cleaned where that is certain, and what else is wrong with it."""

import re
import unicodedata

from shared.models import DescriptionRequest, Language
from workers.ai.keywords import is_stuffed
from workers.ai.languages import TRAITS, Traits
from workers.ai.plain_text import has_address, one_line

_PICTOGRAPHS = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u20e3]")

# Each opens and closes with marks that it does not contain: quotations one after the other.
_QUOTED = re.compile(
    r'"[^"]*"|“[^“”]*”|„[^„“”]*[“”]|”[^”]*”|‘[^‘’]*’|«[^«»]*»|»[^«»]*«|‹[^‹›]*›|「[^「」]*」|『[^『』]*』|《[^《》]*》'
)
_WRAPPED = re.compile(rf"{_QUOTED.pattern}|'[^']*'")

_FULL_STOP = re.compile(r"(?<![.。])\s*[.。।۔]$")  # not the last dot of an ellipsis

# HTML and its entities and handlers, Markdown, and what opens a field in the usual templates:
# a site may well print an alt text as it stands.
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
_HASH_TAG = re.compile(r"#\w*[^\W\d_]")  # "#10" is a number on a shirt

_LATIN_WORD = re.compile(r"[A-Za-z0-9\u00c0-\u024f]+")


def clean(text: str) -> str:
    """The text as one visible line without emoji, outer quotation marks or a closing full stop.

    No full stop, as it is a phrase more often than a sentence, and all of a site's should be alike.
    """
    line, before = one_line(_PICTOGRAPHS.sub(" ", text)), None
    while line != before:
        before = line
        line = _FULL_STOP.sub("", line[1:-1].strip() if _WRAPPED.fullmatch(line) else line)
    return line


def faults(text: str, request: DescriptionRequest, max_characters: int) -> tuple[str, ...]:
    """What is wrong with a cleaned alt text, a sentence each; empty when nothing is.

    max_characters: of code points, which are what a user counts but for letters that are put
    together from several, as in Hindi: there the limit is a little stricter than it says.
    """
    if not text:
        return ("The alt text was empty.",)
    traits = TRAITS[request.language]
    seen = unicodedata.normalize("NFKC", text)  # full-width letters and brackets as they look
    found = {
        f"The alt text had more than {max_characters} characters.": len(text) > max_characters,
        "The alt text had markup in it.": _MARKUP.search(seen),
        "The alt text had an address, a handle or a hash tag in it.": has_address(text)
        or _HASH_TAG.search(seen),
        f"The alt text was not written in {traits.name}.": not _is_written_in(traits, seen),
        "The alt text began by saying that it is of a picture.": traits.announces(text)
        or TRAITS[Language.ENGLISH].announces(text),
        "The alt text repeated or listed keywords.": is_stuffed(text, request.keywords, traits),
    }
    return tuple(sentence for sentence, wrong in found.items() if wrong)


def _is_written_in(traits: Traits, text: str) -> bool:
    """Whether half of the letters, without quotations, are of the language's script.

    The language itself is not looked at: English passes for Dutch.
    """
    plain = _QUOTED.sub(" ", text)
    if "LATIN" not in traits.scripts:
        plain = _LATIN_WORD.sub(_without_name, plain)
    letters = [unicodedata.name(c, "") for c in plain if c.isalpha()]
    ours = sum(name.startswith(traits.scripts) for name in letters)
    return 0 < ours >= len(letters) / 2


def _without_name(word: re.Match[str]) -> str:
    # Nike and iPhone keep their letters in every script, and are long beside three of Chinese.
    return word[0] if word[0].islower() else " "
