"""Files of every layout with something planted wherever a format has room for it."""

import io
import struct
from dataclasses import replace
from functools import cache

import oxipng
from PIL import Image, ImageCms

from tests.workers.imaging.making import chunk, noise, png, saved, with_exif
from workers.imaging.formats import heif_items
from workers.imaging.formats.heif_items import Item, Property, Still
from workers.imaging.formats.isobmff import whole_boxes
from workers.imaging.strip.isobmff_writer import box, written

SECRET = b"SECRET"  # what must be in no output; EXIF plants its own
TRAIL = b"PK\3\4 SECRET behind the picture"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def soft(width: int = 96, height: int = 64) -> Image.Image:
    """A picture as from a camera, smooth with some grain."""
    return noise(width // 8, height // 8).resize((width, height), Image.Resampling.BICUBIC)


def faded(width: int = 96, height: int = 64) -> Image.Image:
    """The same with an alpha channel."""
    image = soft(width, height).convert("RGBA")
    image.putalpha(noise(width // 8, height // 8).convert("L").resize((width, height)))
    return image


def segment(marker: int, body: bytes) -> bytes:
    """One JPEG marker segment."""
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


def jpeg(image: Image.Image, **options: object) -> bytes:
    """A JPEG with EXIF, XMP, a comment, IPTC and bytes behind its end."""
    planted = segment(0xED, b"Photoshop 3.0\0SECRET") + segment(0xEA, b"SECRET")
    data = saved(
        image,
        "JPEG",
        exif=with_exif(gps=True),
        xmp=b"<x>SECRET</x>",
        comment=b"SECRET",
        icc_profile=SRGB,
        **options,
    )
    return data[:2] + planted + data[2:] + TRAIL


def as_png(image: Image.Image, **options: object) -> bytes:
    """A PNG of Pillow's, see `planted_png`."""
    return planted_png(saved(image, "PNG", exif=with_exif(gps=True), **options))


def planted_png(data: bytes) -> bytes:
    """The PNG with text before its pixels, a time and a private chunk behind, and a trail."""
    text, private = chunk(b"tEXt", b"Comment\0SECRET"), chunk(b"prVt", b"SECRET")
    return data[:33] + text + data[33:-12] + private + data[-12:] + TRAIL


def deep(width: int, height: int, channels: int, colour: int) -> bytes:
    """A PNG of 16 bits per channel with nothing in it but pixels."""
    row = 2 * width * channels
    raw = noise(row, height).getchannel(0).tobytes()
    rows = b"".join(b"\0" + raw[at : at + row] for at in range(0, len(raw), row))
    return png((width, height, 16, colour), rows)


def interlaced(image: Image.Image) -> bytes:
    return oxipng.optimize_from_memory(saved(image, "PNG"), level=0, interlace="on", force=True)


def webp(image: Image.Image, **options: object) -> bytes:
    """A WebP with EXIF, XMP, a profile, an unknown chunk and bytes behind its end."""
    data = saved(
        image,
        "WEBP",
        exif=with_exif(gps=True),
        xmp=b"<x>SECRET</x>",
        icc_profile=SRGB,
        **options,
    )
    body = data[8:] + b"SCRT" + struct.pack("<I", 6) + b"SECRET"
    return b"RIFF" + struct.pack("<I", len(body)) + body + TRAIL


def avif(image: Image.Image, **options: object) -> bytes:
    """An AVIF with EXIF and XMP, and boxes behind its end that anything fits in."""
    data = saved(
        image,
        "AVIF",
        exif=with_exif(gps=True),
        xmp=b"<x>SECRET</x>",
        **({"quality": 60, "speed": 10} | options),
    )
    return data + box(b"free", b"SECRET") + box(b"uuid", bytes(16), b"SECRET")


@cache
def coded(image_seed: int = 0, side: int = 64) -> Item:
    """The AV1 item of a small square picture, by the encoder at hand."""
    tile = soft(128, 128).crop((image_seed, image_seed, image_seed + side, image_seed + side))
    data = saved(tile, "AVIF", quality=60, speed=10)
    still = heif_items.read(data, heif_items.single(whole_boxes(data), b"meta")[b"meta"])
    return still.items[still.primary]


def grid(
    *more: tuple[int, Item], references: tuple[tuple[bytes, int, tuple[int, ...]], ...] = ()
) -> bytes:
    """An AVIF of two tiles side by side, and what else a test puts into it."""
    left, right = coded(0), coded(32)
    rule = struct.pack(">BBBBHH", 0, 0, 0, 1, 128, 64)
    ispe: Property = (b"ispe", struct.pack(">III", 0, 128, 64), False)
    pixi: Property = (b"pixi", bytes(4) + b"\3\x08\x08\x08", False)
    whole = Item(b"grid", False, rule, 10**9, (ispe, pixi))
    items = {1: whole, 2: left, 3: right} | dict(more)
    return heif(Still(1, items, ((b"dimg", 1, (2, 3)), *references)))


def clap(*numbers: int) -> tuple[bytes, bytes]:
    """A clap box: width, height and two offsets, each a numerator and a denominator."""
    return b"clap", struct.pack(">8i", *numbers)


def with_properties(data: bytes, *properties: tuple[bytes, bytes]) -> bytes:
    """An AVIF or HEIC whose primary item has these properties too."""
    boxes = dict(whole_boxes(data))
    still = heif_items.read(data, boxes[b"meta"])
    item = still.items[still.primary]
    more = tuple((name, body, True) for name, body in properties)
    items = still.items | {still.primary: replace(item, properties=item.properties + more)}
    return written(box(b"ftyp", boxes[b"ftyp"]), replace(still, items=items))


# The way to the properties of a film's frames: boxes, and the bytes in each before the next.
_TO_SAMPLES = {b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"stsd": 8, b"av01": 78}


def with_film_properties(data: bytes, *properties: tuple[bytes, bytes]) -> bytes:
    """An AVIF film whose frames have these properties too.

    Its moov box moves behind the frames, so that these stay where they are.
    """
    moov = dict(whole_boxes(data))[b"moov"]
    more = b"".join(box(*one) for one in properties)
    film = box(b"moov", _with_boxes_inside(moov, [*_TO_SAMPLES], more))
    return data.replace(box(b"moov", moov), box(b"free", bytes(len(moov)))) + film


def _with_boxes_inside(body: bytes, path: list[bytes], more: bytes) -> bytes:
    if not path:
        return body + more
    out = b""
    for name, inner in whole_boxes(body):
        if name == path[0]:
            head = _TO_SAMPLES[name]
            inner = inner[:head] + _with_boxes_inside(inner[head:], path[1:], more)
        out += box(name, inner)
    return out


def heif(still: Still) -> bytes:
    brands = b"avif" + bytes(4) + b"avifmif1miaf"
    return written(box(b"ftyp", brands), still)


def opened_all(data: bytes) -> list[bytes]:
    """Mode, size and pixels of every frame, with its time and its transparency."""
    frames = []
    with Image.open(io.BytesIO(data)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            facts = (image.mode, image.size, image.info.get("duration"), image.info.get("loop"))
            clear = image.info.get("transparency")
            palette = image.getpalette("RGBA") if image.mode == "P" else None
            frames.append(repr((facts, clear, palette)).encode() + image.tobytes())
    return frames


def _palette() -> Image.Image:
    return soft().quantize(60)


def _animated(**options: object) -> bytes:
    frames = [noise(40, 30), soft(40, 30), noise(40, 30).transpose(Image.Transpose.ROTATE_180)]
    return webp(
        frames[0], save_all=True, append_images=frames[1:], duration=[40, 90, 30], loop=3, **options
    )


FILES: dict[str, tuple[str, bytes]] = {
    "jpeg baseline": ("JPEG", jpeg(soft())),
    "jpeg progressive": ("JPEG", jpeg(soft(), progressive=True)),
    "jpeg grey": ("JPEG", jpeg(soft().convert("L"))),
    "jpeg 4:4:4": ("JPEG", jpeg(soft(), subsampling="4:4:4", quality=97)),
    "jpeg with restarts": ("JPEG", jpeg(soft(), restart_marker_blocks=3)),
    "jpeg of rgb": ("JPEG", jpeg(soft(), keep_rgb=True)),
    "jpeg odd size": ("JPEG", jpeg(soft(97, 61))),
    "png grey": ("PNG", as_png(soft().convert("L"))),
    "png rgb": ("PNG", as_png(soft())),
    "png rgba": ("PNG", as_png(faded())),
    "png grey alpha": ("PNG", as_png(faded().convert("LA"))),
    "png bilevel": ("PNG", as_png(soft().convert("1"))),
    "png palette": ("PNG", as_png(_palette())),
    "png palette, transparent": ("PNG", as_png(_palette(), transparency=b"\0\x80")),
    "png one colour transparent": ("PNG", as_png(soft(), transparency=(9, 9, 9))),
    "png 16-bit grey": ("PNG", planted_png(deep(24, 9, 1, 0))),
    "png 16-bit rgba": ("PNG", planted_png(deep(24, 9, 4, 6))),
    "png interlaced": ("PNG", planted_png(interlaced(soft(97, 61)))),
    "png interlaced, tiny": ("PNG", planted_png(interlaced(soft(16, 8).crop((0, 0, 3, 2))))),
    "png in many chunks": ("PNG", as_png(noise(400, 300))),
    "webp lossy": ("WEBP", webp(soft())),
    "webp lossless": ("WEBP", webp(soft(), lossless=True)),
    "webp lossy, alpha": ("WEBP", webp(faded())),
    "webp lossless, alpha": ("WEBP", webp(faded(), lossless=True)),
    "webp animated": ("WEBP", _animated()),
    "webp animated, lossless": ("WEBP", _animated(lossless=True)),
    "avif": ("AVIF", avif(soft())),
    "avif grey": ("AVIF", avif(soft().convert("L"))),
    "avif alpha": ("AVIF", avif(faded())),
    "avif 4:4:4": ("AVIF", avif(soft(), subsampling="4:4:4")),
    "avif with a profile": ("AVIF", avif(soft(), icc_profile=SRGB)),
    "avif grid": ("AVIF", grid() + box(b"free", SECRET)),
}
