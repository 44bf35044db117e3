"""A digest by which two decoded images are compared without keeping both."""

from hashlib import blake2b

from PIL import Image

_DIGEST_ROWS = 256  # per chunk: the bytes of the whole image would be a second copy of it


def pixel_digest(image: Image.Image) -> bytes:
    """A digest of mode, size, palette, transparency and pixels."""
    palette = image.getpalette("RGBA") if image.mode == "P" else None
    facts = (image.mode, image.size, palette, image.info.get("transparency"))
    digest = blake2b(repr(facts).encode())
    for top in range(0, image.height, _DIGEST_ROWS):
        box = (0, top, image.width, min(top + _DIGEST_ROWS, image.height))
        digest.update(image.crop(box).tobytes())
    return digest.digest()
