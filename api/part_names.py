"""The file name in a part's header, in each of the ways in which clients write one.

Browsers and curl send UTF-8 between quotes. Others send the bytes of their system's charset, no
quotes, `filename*=` (RFC 8187) or encoded words (RFC 2047). A name costs no batch.
"""

import re
import unicodedata
from email.errors import HeaderParseError
from email.header import decode_header
from urllib.parse import unquote_to_bytes

# Each label that is accepted, and Python's codec. A list, because some of Python's codecs take time
# quadratic in their input, and because each unknown label that Python looks up stays in memory.
_CODECS = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "iso-8859-1": "cp1252",  # as browsers read it (WHATWG Encoding)
    "latin1": "cp1252",
    "windows-31j": "cp932",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "ks_c_5601-1987": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    **{f"iso-8859-{n}": f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)},
    **{f"windows-{n}": f"cp{n}" for n in (874, *range(1250, 1259))},
    **{name: name for name in ("cp932", "iso-2022-jp", "euc-jp", "euc-kr", "gb18030", "big5")},
    **{name: name for name in ("cp1252", "koi8-r", "koi8-u")},
}
_MAX_ENCODED_CHARACTERS = 2000  # of encoded words, whose search takes time quadratic in the length

_PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*("(?:\\.|[^"\\])*"|[^;]*)')
_EXTENDED = re.compile(r"\"?([\w.-]+)'[^']*'([^\"\s]+)\"?\s*")
_WORD = re.compile(r"=\?[\w.*-]+\?[BbQq]\?[^?]*\?=")


def header_text(data: bytes, charset: str) -> str:
    """Returns the text of a part's headers: as UTF-8, in `charset`, or as what it looks like."""
    for text in (_decoded(data, "utf-8"), _decoded(data, charset)):
        if text is not None:
            return text
    japanese = _decoded(data, "cp932")
    if japanese is not None and _is_japanese(japanese):
        return japanese
    western = _decoded(data, "cp1252")
    return data.decode("latin-1") if western is None else western


def sent_name(disposition: str) -> str:
    """Returns the file name in a Content-Disposition header.

    `filename*=` comes first (RFC 6266, 4.3). Without quotes, a name goes on to the next semicolon.
    """
    parameters: dict[str, str] = {}
    for name, value in _PARAMETER.findall(disposition):
        parameters.setdefault(name.lower(), value)
    if extended := _EXTENDED.fullmatch(parameters.get("filename*", "")):
        decoded = _decoded(unquote_to_bytes(extended[2]), extended[1])
        if decoded is not None:
            return decoded
    return _without_encoded_words(_unquoted(parameters.get("filename", "").strip()))


def _unquoted(value: str) -> str:
    if len(value) < 2 or not value.startswith('"'):
        return value
    # Browsers escape a quote as %22 and no backslash; curl escapes both with a backslash. Any other
    # backslash is part of a path of Windows.
    return re.sub(r'\\(["\\])', r"\1", value[1:-1]).replace("%22", '"')


def _decoded(data: bytes, charset: str) -> str | None:
    codec = _CODECS.get(charset.lower())
    try:
        return data.decode(codec) if codec else None
    except UnicodeDecodeError:
        return None


def _without_encoded_words(name: str) -> str:
    if len(name) > _MAX_ENCODED_CHARACTERS or not _WORD.search(name):
        return name
    try:
        parts = [
            part if isinstance(part, str) else _decoded(part, charset or "utf-8")
            for part, charset in decode_header(name)
        ]
    except HeaderParseError:
        return name
    return name if None in parts else "".join(filter(None, parts))


def _is_japanese(text: str) -> bool:
    """Whether a text that is valid Shift_JIS is meant so, and is not Western text.

    Two bytes of a Western name can be one ideograph: the first is an accented letter, the second
    the letter after it, so more Latin letters stand beside it. Such an ideograph is also rare: the
    common ones begin with a byte below 0xA0, which in Western text is a typographer's mark.
    """
    if any("\x80" <= c <= "\x9f" or unicodedata.category(c) == "Co" for c in text):
        return False
    if re.search("[\u3041-\u30fc]", text):
        return True
    if re.search("(?<![A-Za-z])[\uff61-\uff9f]{2,}(?![A-Za-z])", text):
        return True
    wide = "[^\0-\x7f\uff61-\uff9f]"
    before, after = "(?<![A-Za-z])", "(?![A-Za-z])"
    runs = re.findall(f"{before}{wide}{{2,}}|{wide}{{2,}}+{after}|{before}{wide}{after}", text)
    return any(c.encode("cp932")[0] < 0xA0 for run in runs for c in run)
