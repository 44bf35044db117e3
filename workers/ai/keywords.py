"""A client's keywords, and whether a text is written for them instead of for a reader."""

import re
import unicodedata
from collections import Counter

from workers.ai.languages import Traits
from workers.ai.plain_text import one_line

_RUN = 3  # keywords between commas; one more is no longer a sentence

_KEYWORD = "\0"  # stands for any keyword: a line of visible text holds none


def is_stuffed(text: str, keywords: str, traits: Traits) -> bool:
    """Whether `text` is nothing but keywords, has one twice, or lists more than three.

    keywords: as the client sent them, between commas, semicolons or line breaks.
    """
    pattern = _pattern(keywords, traits.spaced)
    if pattern is None:
        return False
    text = _folded(text)
    times = Counter(pattern.findall(text))
    rest = pattern.sub(_KEYWORD, text)
    between = r"(?:\s*[,;、،]\s*(?:[^\W\d]+\s+)?|\s[^\W\d]+\s)"  # a comma, an "and", or both
    run = re.search(rf"{_KEYWORD}(?:{between}{_KEYWORD}){{{_RUN},}}", rest)
    return bool(times) and (max(times.values()) > 1 or bool(run) or not any(map(str.isalpha, rest)))


def _pattern(keywords: str, spaced: bool) -> re.Pattern[str] | None:
    """What finds a keyword in a folded text; the longest first, as others may be part of it."""
    # Where words do not stand apart, a single character is part of too many others.
    shortest = 1 if spaced else 2
    found = {_folded(word) for word in re.split(r"[,;\r\n、،，；]", keywords)}
    found = {word for word in found if len(word) >= shortest and any(map(str.isalnum, word))}
    if not found:
        return None
    words = "|".join(re.escape(word) for word in sorted(found, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)" if spaced else words)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", one_line(text)).casefold().strip()
