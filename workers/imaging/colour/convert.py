"""Any pixel layout and any profile to 8-bit sRGB."""

import io
from functools import lru_cache
from typing import cast

from PIL import Image, ImageChops, ImageCms

from workers.imaging.colour.cicp import space_of_codes
from workers.imaging.colour.profile import bounded
from workers.imaging.colour.spaces import BT709, Space, space_of

_SRGB = ImageCms.createProfile("sRGB")

# Relative colorimetric with black point compensation: display profiles have no other table, and
# image editors use it for press profiles. Perceptual would shift every colour of some profiles to
# make room for those that sRGB cannot show.
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION

_SPACES = {"L": "GRAY", "LA": "GRAY", "RGB": "RGB ", "RGBA": "RGB ", "CMYK": "CMYK", "LAB": "Lab "}
_RGB_OF = {"L": "RGB", "LA": "RGBA", "CMYK": "RGB", "LAB": "RGB"}


def to_plain(image: Image.Image) -> Image.Image:
    """The same colours with 8 bits per channel: L, LA, RGB, RGBA, CMYK or LAB.

    Palettes become RGB, and a transparent colour becomes alpha.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _to_8_bits(image)
    if image.has_transparency_data and image.mode not in ("LA", "RGBA"):
        return image.convert("LA" if image.mode in ("1", "L", "La") else "RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in _SPACES else image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """One channel of more than 8 bits to L.

    Pillow's own conversion clips at 255, which would make the image white.
    """
    if image.mode == "F":
        return float_to_8_bits(image)
    wide = image.convert("I")
    return _scaled(
        wide.convert("F"), _smallest(wide, (255, 65535) if image.mode == "I" else (65535,))
    )


def float_to_8_bits(image: Image.Image, *, whole: bool = False) -> Image.Image:
    """An image of mode F to L, by the smallest usual range that its values fit in.

    whole: whether they are whole numbers. Fractions are from 0 to 1, and what is brighter is
    clipped, as in most editors, unless even their mean is above 1.
    """
    if whole:
        return _scaled(image, _smallest(image, (255, 65535, 2**24 - 1)))
    mean = cast(float, image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))
    return _scaled(image, _smallest(image, (255, 65535)) if mean > 1 else 1)


def _smallest(image: Image.Image, ranges: tuple[int, ...]) -> float:
    brightest = cast(float, image.getextrema()[1])
    return next((top for top in ranges if brightest <= top), brightest)


def _scaled(image: Image.Image, white: float) -> Image.Image:
    return image.point(lambda value: value * (255 / white) + 0.5).convert("L")


def to_srgb(image: Image.Image) -> Image.Image:
    """A plain image (see `to_plain`) in sRGB: L, LA, RGB or RGBA; the same object if unchanged.

    Its `info` says which colour space it is in. cICP takes precedence over the ICC profile, and
    that over the other chunks (PNG, third edition, 4.3). Unknown codes are ignored, like a
    profile that is broken or made for other channels.
    """
    coded = space_of_codes(image.info["cicp"]) if "cicp" in image.info else None
    if coded:
        return _by_space(image, coded)
    profile = bounded(image.info.get("icc_profile"))
    if profile and image.mode in ("L", "LA") and _space(profile) == "RGB ":
        if is_srgb(profile):
            return image
        image = image.convert(_RGB_OF[image.mode])
    if profile and _space(profile) == _SPACES[image.mode]:
        return _by_profile(image, profile)
    if image.mode == "LAB":
        return ImageCms.applyTransform(image, _lab_transform()) or image
    if image.mode == "CMYK":
        return image.convert("RGB")
    described = None if profile else space_of(image.info)
    return _by_space(image, described) if described else image


def _by_space(image: Image.Image, space: Space) -> Image.Image:
    """By a table where no matrix is needed: grey has no primaries, and BT.709's are sRGB's."""
    if image.mode in ("L", "LA") or space.chromaticities == BT709:
        return _by_table(image, tuple(map(_srgb_of, space.light)))
    return _by_profile(image, space.profile())


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    if image.mode in ("L", "LA"):
        return _by_table(image, _grey_table(profile))
    if image.mode in ("RGB", "RGBA") and is_srgb(profile):
        return image
    transform = _transform(profile, image.mode)
    if transform is None:
        return image.convert(_RGB_OF.get(image.mode, image.mode))
    return ImageCms.applyTransform(image, transform) or image


def _by_table(image: Image.Image, table: tuple[int, ...]) -> Image.Image:
    """Each colour channel through a table of 256 values; alpha stays.

    Returns the image itself if no value changes by more than 1 of 255, as in `is_srgb`.
    """
    if all(abs(value - before) <= 1 for before, value in enumerate(table)):
        return image
    channels = list(image.split())
    colours = len(channels) - image.mode.endswith("A")
    changed = [channel.point(list(table)) for channel in channels[:colours]]
    return Image.merge(image.mode, changed + channels[colours:])


@lru_cache(maxsize=16)
def _space(profile: bytes) -> str | None:
    """The profile's colour space in ICC.1's spelling, or None if it cannot be read."""
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space
    except (OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from the profile to sRGB, which copies alpha; None if it cannot be made."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = "RGBA" if mode == "RGBA" else "RGB"
        # Grey is only for a table of 256, so it may be exact: LittleCMS's optimisation is off by
        # up to 10 of 255 in the dark for linear profiles.
        flags = _FLAGS | ImageCms.Flags.NOOPTIMIZE if mode == "L" else _FLAGS
        return ImageCms.buildTransform(source, _SRGB, mode, target, _INTENT, flags)
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    lab = ImageCms.createProfile("LAB")
    return ImageCms.buildTransform(lab, _SRGB, "LAB", "RGB", _INTENT, _FLAGS)


@lru_cache(maxsize=16)
def is_srgb(profile: bytes) -> bool:
    """Whether the profile changes no colour of a lattice by more than 1 of 255.

    A profile's name proves nothing. Most images have an sRGB profile, and the transform would
    cost as much as resizing.
    """
    transform = _transform(profile, "RGB")
    if transform is None:
        return True
    steps = range(0, 256, 17)
    lattice = Image.new("RGB", (256, 16))
    lattice.putdata([(r, g, b) for r in steps for g in steps for b in steps])
    seen = ImageCms.applyTransform(lattice, transform)
    extrema = ImageChops.difference(lattice, seen).getextrema() if seen else ()
    return all(cast(tuple[int, int], band)[1] <= 1 for band in extrema)


@lru_cache(maxsize=16)
def _grey_table(profile: bytes) -> tuple[int, ...]:
    """The sRGB value of each of the 256 greys of a grey profile."""
    transform = _transform(profile, "L")
    ramp = Image.new("L", (256, 1))
    ramp.putdata(range(256))
    seen = ImageCms.applyTransform(ramp, transform) if transform else None
    return tuple((seen.getchannel("G") if seen else ramp).tobytes())


def _srgb_of(light: float) -> int:
    """IEC 61966-2-1: linear light from 0 to 1 as an 8-bit sRGB value."""
    encoded = light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
    return round(encoded * 255)
