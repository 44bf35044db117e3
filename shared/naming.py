"""File names: a client's cleaned once at the edge, a result's made from it.

Nothing that a client sent reaches a path, a header or a terminal other than through here.
"""

import re
import unicodedata
from urllib.parse import quote

from shared.imagetype import ImageType

MAX_NAME_CHARACTERS = 255
MAX_STEM_BYTES = 200  # leaves room for "-12345.webp" below the 255 bytes of most file systems

# Windows refuses these in a name; the slashes end a path everywhere.
_UNSAFE = re.compile(r'[<>:"/\\|?*%;]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)


def clean_original(name: str) -> str:
    """A client's file name as we repeat it: its last path part, printable, bounded."""
    last = re.split(r"[/\\]", name)[-1]
    return printable(last)[:MAX_NAME_CHARACTERS].strip() or "unnamed"


def stem_of(original_name: str) -> str:
    """The stem of a result's name, safe as a file name on every system; never empty."""
    stem = original_name.rpartition(".")[0] or original_name
    stem = unicodedata.normalize("NFC", _UNSAFE.sub("_", printable(stem)))
    stem = re.sub(r"\s+", " ", stem).strip(" .")
    stem = stem.encode()[:MAX_STEM_BYTES].decode(errors="ignore").strip(" .")
    if not stem:
        return "image"
    return f"_{stem}" if is_reserved(stem) else stem


def file_name(stem: str, format: ImageType, number: int = 1) -> str:
    """The stem with its extension; from the second of that name on, a number between."""
    return f"{stem}.{format.value}" if number < 2 else f"{stem}-{number}.{format.value}"


def folded(name: str) -> str:
    """What two names share when a file system without case cannot tell them apart."""
    return unicodedata.normalize("NFC", name.casefold())


def content_disposition(name: str) -> str:
    """The header that makes a browser download under `name` (RFC 6266, RFC 8187)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'[\x00-\x1f\x7f"\\%]', "_", plain)
    if plain.startswith("."):
        plain = f"image{plain}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def is_reserved(stem: str) -> bool:
    """Whether Windows takes the name for a device, whatever its extension."""
    return bool(_RESERVED.fullmatch(stem.partition(".")[0]))


def printable(text: str) -> str:
    """The text without the characters that show nothing or turn others round."""
    # Cc, Cf: control characters and the invisible ones that turn text round (bidi marks);
    # Cs: halves of surrogate pairs, which UTF-8 cannot carry; Co, Cn: no one knows their look.
    return "".join(c for c in text if not unicodedata.category(c).startswith("C"))
