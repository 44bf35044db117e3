"""File names: the client's, cleaned once when it arrives, and the result's, made from it.

Every text of a client that ends up in a path, a header or a message is cleaned here first.
"""

import re
import unicodedata
from urllib.parse import quote

from shared.imagetype import ImageType

MAX_NAME_CHARACTERS = 255
UNNAMED = "unnamed"  # a file whose name is empty once cleaned
MAX_STEM_BYTES = 200  # with "-12345.webp" still below the 255 bytes of most file systems
MAX_FOLDER_BYTES = 250  # of one folder's name; with "_" before it or "-123" after it the same

# Not allowed in names on Windows; slashes separate folders on every system.
_UNSAFE = re.compile(r'[<>:"/\\|?*%;]')
_ROOT = re.compile(r"[/\\]|[A-Za-z]:|[A-Za-z][\w+.-]*:[/\\]{2}")  # or a drive, or https://
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)

_ZWNJ, _ZWJ = "\u200c", "\u200d"  # invisible joiners: "non-joiner" and "joiner"
# Scripts whose letters a joiner shapes, by the first word of their characters' names.
_JOINING_SCRIPTS = frozenset(
    {
        *("ADLAM", "ARABIC", "BALINESE", "BENGALI", "DEVANAGARI", "GUJARATI", "GURMUKHI"),
        *("KANNADA", "KHMER", "MALAYALAM", "MANDAIC", "MONGOLIAN", "MYANMAR", "NKO", "ORIYA"),
        *("SINHALA", "SYRIAC", "TAMIL", "TELUGU"),
    }
)
_ARROWS_IN_EMOJI = "↔↕"  # the one by its category a mathematical symbol
_VARIATION_SELECTOR_16 = "\ufe0f"


def clean_original(name: str) -> str:
    """Returns a client's file name without folders, printable, of at most 255 characters."""
    last = re.split(r"[/\\]", name)[-1]
    # Cleaned again once it is cut: an emoji may have lost what its joiner joins.
    return _readable(_readable(last)[:MAX_NAME_CHARACTERS]).strip() or UNNAMED


def clean_folder(path: str) -> str | None:
    """Returns the folder that a client's path names, with slashes: `shoes/red`.

    Each of its names is valid on every operating system. None without a folder, and for a path
    that starts at a root, a drive, a server or a scheme.
    """
    path = _readable(path).lstrip()  # Windows puts an invisible mark before paths that it copies
    if _ROOT.match(path):
        return None
    names: list[str] = []
    for name in re.split(r"[/\\]", path):
        if name == "..":
            names[-1:] = []
        elif clean := _safe(name, MAX_FOLDER_BYTES):
            names.append(clean)
    return "/".join(names) or None


def stem_of(original_name: str) -> str:
    """Returns the stem of a result's name: valid on every operating system, and never empty."""
    stem = original_name.rpartition(".")[0] or original_name
    return _safe_stem(_readable(stem))


def _safe_stem(stem: str) -> str:
    return _safe(stem, MAX_STEM_BYTES) or "image"


def _safe(name: str, max_bytes: int) -> str:
    """The name as every operating system takes it; empty where nothing of it is left."""
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", name))  # NFC turns U+037E into ";"
    name = re.sub(r"\s+", " ", name).strip(" .")
    name = _readable(name.encode()[:max_bytes].decode(errors="ignore")).strip(" .")
    return f"_{name}" if is_reserved(name) else name


def file_name(stem: str, format: ImageType, number: int = 1) -> str:
    """Returns the stem with its extension; the second file of that name gets "-2" between them."""
    return f"{stem}.{format.value}" if number < 2 else f"{stem}-{number}.{format.value}"


def path_of(folder: str | None, name: str) -> str:
    """Returns the path of a file, or of a folder, in its folder if it has one."""
    return f"{folder}/{name}" if folder else name


def folded(name: str) -> str:
    """Returns the same text for names that a case-insensitive file system treats as equal."""
    without_joiners = re.sub(f"[{_ZWNJ}{_ZWJ}]", "", name)  # HFS+ ignores them
    return unicodedata.normalize("NFC", without_joiners.casefold())


def content_disposition(name: str) -> str:
    """Returns the header with which a browser saves the file as `name` (RFC 6266, RFC 8187).

    Both of its names are valid on every operating system. `filename=`, for old clients, is cleaned
    once it is ASCII: the full-width forms of slash, dot and colon turn into the plain ones then.
    """
    stem, _, extension = name.rpartition(".")
    plain = f"{_safe_stem(_ascii(stem))}.{re.sub('[^a-z0-9]', '', _ascii(extension))}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return printable(plain)


def is_reserved(stem: str) -> bool:
    """Whether Windows reserves the name for a device, with any extension."""
    return bool(_RESERVED.fullmatch(stem.partition(".")[0].rstrip(" ")))


def printable(text: str) -> str:
    """Returns the text without invisible characters and those that change its direction."""
    return "".join(c for c in text if _is_visible(c))


def _is_visible(c: str) -> bool:
    # Cc, Cf: control characters, and invisible ones such as bidirectional marks; Cs: halves of
    # surrogate pairs, which UTF-8 cannot encode; Co, Cn: private and unassigned code points.
    return not unicodedata.category(c).startswith("C")


def _readable(text: str) -> str:
    """Returns the printable text with its joiners where they shape what is seen."""
    text = "".join(c for c in text if c in (_ZWNJ, _ZWJ) or _is_visible(c) or _is_picture(c))
    text = re.sub(f"([{_ZWNJ}{_ZWJ}])[{_ZWNJ}{_ZWJ}]+", r"\1", text)
    return "".join(
        c
        for at, c in enumerate(text)
        if c not in (_ZWNJ, _ZWJ) or _joins(c, text[max(0, at - 3) : at], text[at + 1 : at + 2])
    )


def _joins(joiner: str, before: str, after: str) -> bool:
    """Whether the joiner has an effect between the characters before and the one after it.

    Between letters of a script that joins them, and after a letter for a form that stands alone
    (compare RFC 5892, appendix A); or, the joiner, between two pictures of one emoji (UTS #51).
    """
    script = _script(before[-1:])
    if script in _JOINING_SCRIPTS:
        return script == _script(after) or joiner == _ZWJ
    return joiner == _ZWJ and _is_picture(_without_modifiers(before)) and _is_picture(after)


def _script(c: str) -> str:
    return unicodedata.name(c, "").partition(" ")[0] if c else ""


def _without_modifiers(text: str) -> str:
    """The last character, before what selects its colour presentation or its skin tone."""
    while text and (text[-1] == _VARIATION_SELECTOR_16 or "\U0001f3fb" <= text[-1] <= "\U0001f3ff"):
        text = text[:-1]
    return text[-1:]


def _is_picture(c: str) -> bool:
    """Whether it may be of an emoji, also of one that this Python's Unicode does not know yet."""
    if "\U0001f000" <= c <= "\U0001faff":  # reserved for emoji where unassigned (UTS #51)
        return True
    return c != "" and (unicodedata.category(c) == "So" or c in _ARROWS_IN_EMOJI)


def quoted(text: str) -> str:
    """Returns a client's text for a message: printable, of at most 60 characters, in quotes."""
    shown = "".join(c for c in text if c.isprintable())
    return f"'{shown[:60]}…'" if len(shown) > 60 else f"'{shown}'"
