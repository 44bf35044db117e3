"""WebP: stills by libwebp's own decoder, animations by Pillow.

Pillow has libwebp's compositor decode stills too, which takes 17 bytes of memory per pixel. The
decoder alone takes 8, and 9 for a lossy picture with alpha. It is that of the library that Pillow
has loaded.
"""

import ctypes
import io

from PIL import Image, _webp

from workers.imaging.formats.webp import is_animation, picture_in

_BYTES_PER_PIXEL = 4  # R, G, B and alpha


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(_webp.__file__)  # looks into what it depends on, too
    try:
        decode = library.WebPDecodeRGBAInto
    except AttributeError:
        raise ImportError("Pillow's libwebp cannot be called; install Pillow's wheel") from None
    # webp/decode.h: data, its length, pixels, their length, bytes per row
    buffer = ctypes.c_void_p, ctypes.c_size_t
    decode.argtypes = *buffer, *buffer, ctypes.c_int
    decode.restype = ctypes.c_void_p
    return library


_library = _load()


def open_webp(data: bytes, max_pixels: int) -> Image.Image:
    """A still, decoded, or an animation at its first frame, not decoded yet.

    Its profile and EXIF are in `info`. max_pixels: width times height that the probe found. Raises
    ValueError for a picture that is larger or does not decode completely, and what Pillow raises.
    """
    image = Image.open(io.BytesIO(data), formats=["WEBP"])
    if image.width * image.height > max_pixels:
        raise ValueError("more than the header said")
    if is_animation(data):
        return image
    size, mode, info = image.size, image.mode, image.info
    del image  # else the compositor's canvases would stand beside the pixels
    still = _decoded(data, size, mode)
    still.info = info
    return still


def _decoded(data: bytes, size: tuple[int, int], mode: str) -> Image.Image:
    """mode: RGB, or RGBA, which is shown without a copy. Raises ValueError."""
    row_bytes = size[0] * _BYTES_PER_PIXEL
    pixels = bytearray(row_bytes * size[1])
    address = ctypes.addressof(ctypes.c_char.from_buffer(pixels))
    start, end = picture_in(data)
    whole = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
    picture = whole + start  # a slice would be a copy
    if not _library.WebPDecodeRGBAInto(picture, end - start, address, len(pixels), row_bytes):
        raise ValueError("not a complete WebP")
    if mode == "RGB":
        return Image.frombytes(mode, size, pixels, "raw", "RGBX", 0, 1)
    return Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1)
