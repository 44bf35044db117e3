"""Keyword stuffing: whether a text is written for the client's keywords instead of a reader."""

import re
import unicodedata
from collections import Counter

from workers.ai.languages import Traits
from workers.ai.plain_text import plain_text

_MAX_RUN = 3  # keywords in a row, between commas; with one more it is a list

_KEYWORD = "\0"  # stands for any keyword; plain text never contains it


def is_stuffed(text: str, keywords: str, traits: Traits) -> bool:
    """Whether `text` consists of keywords only, repeats one, or lists more than three.

    keywords: as the client sent them, separated by commas, semicolons or line breaks.
    """
    pattern = _pattern(keywords, traits.spaced)
    if pattern is None:
        return False
    text = _folded(text)
    times = Counter(pattern.findall(text))
    rest = pattern.sub(_KEYWORD, text)
    between = r"(?:\s*[,;、،]\s*(?:[^\W\d]+\s+)?|\s[^\W\d]+\s)"  # a comma, an "and", or both
    run = re.search(rf"{_KEYWORD}(?:{between}{_KEYWORD}){{{_MAX_RUN},}}", rest)
    return bool(times) and (max(times.values()) > 1 or bool(run) or not any(map(str.isalpha, rest)))


def _pattern(keywords: str, spaced: bool) -> re.Pattern[str] | None:
    """A pattern for any keyword in a folded text; longest first, since one may contain another."""
    # Without spaces between words, a single character is part of too many other words.
    shortest = 1 if spaced else 2
    found = {_folded(word) for word in re.split(r"[,;\r\n、،，；]", keywords)}
    found = {word for word in found if len(word) >= shortest and any(map(str.isalnum, word))}
    if not found:
        return None
    words = "|".join(re.escape(word) for word in sorted(found, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)" if spaced else words)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", plain_text(text)).casefold().strip()
