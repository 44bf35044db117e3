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

# Not allowed in names on Windows; slashes separate folders on every system.
_UNSAFE = re.compile(r'[<>:"/\\|?*%;]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)


def clean_original(name: str) -> str:
    """Returns a client's file name without folders, printable, of at most 255 characters."""
    last = re.split(r"[/\\]", name)[-1]
    return printable(last)[:MAX_NAME_CHARACTERS].strip() or UNNAMED


def stem_of(original_name: str) -> str:
    """Returns the stem of a result's name: valid on every operating system, and never empty."""
    stem = original_name.rpartition(".")[0] or original_name
    stem = unicodedata.normalize("NFC", _UNSAFE.sub("_", printable(stem)))
    stem = re.sub(r"\s+", " ", stem).strip(" .")
    stem = stem.encode()[:MAX_STEM_BYTES].decode(errors="ignore").strip(" .")
    if not stem:
        return "image"
    return f"_{stem}" if is_reserved(stem) else stem


def file_name(stem: str, format: ImageType, number: int = 1) -> str:
    """Returns the stem with its extension; the second file of that name gets "-2" between them."""
    return f"{stem}.{format.value}" if number < 2 else f"{stem}-{number}.{format.value}"


def folded(name: str) -> str:
    """Returns the same text for names that a case-insensitive file system treats as equal."""
    return unicodedata.normalize("NFC", name.casefold())


def content_disposition(name: str) -> str:
    """Returns the header with which a browser saves the file as `name` (RFC 6266, RFC 8187)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'[\x00-\x1f\x7f"\\%]', "_", plain)
    if plain.startswith("."):
        plain = f"image{plain}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def is_reserved(stem: str) -> bool:
    """Whether Windows reserves the name for a device, with any extension."""
    return bool(_RESERVED.fullmatch(stem.partition(".")[0]))


def printable(text: str) -> str:
    """Returns the text without invisible characters and those that change its direction."""
    # Cc, Cf: control characters, and invisible ones such as bidirectional marks; Cs: halves of
    # surrogate pairs, which UTF-8 cannot encode; Co, Cn: private and unassigned code points.
    return "".join(c for c in text if not unicodedata.category(c).startswith("C"))


def quoted(text: str) -> str:
    """Returns a client's text for a message: printable, of at most 60 characters, in quotes."""
    shown = "".join(c for c in text if c.isprintable())
    return f"'{shown[:60]}…'" if len(shown) > 60 else f"'{shown}'"
