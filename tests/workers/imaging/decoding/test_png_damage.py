"""Damage in a PNG that browsers ignore, and damage that makes it corrupt."""

import zlib

import pytest
from PIL import PngImagePlugin

from shared.errors import CorruptImageError
from shared.imagetype import ImageType
from tests.conformance.inputs import chrm, cicp, gama, iccp
from tests.conformance.reference import DISPLAY_P3
from tests.workers.imaging.making import chunk, noise, pixel, pixels, png, result, run, saved
from workers.imaging.decoding.png_damage import without_damage

BARE = saved(noise(), "PNG")
TEXT = zlib.compress(bytes(2 * PngImagePlugin.MAX_TEXT_CHUNK))


def planted(*chunks: bytes, behind: bool = False) -> bytes:
    """The picture with chunks before its pixels or behind them."""
    at = len(BARE) - 12 if behind else 33
    return BARE[:at] + b"".join(chunks) + BARE[at:]


def spoilt(name: bytes, body: bytes) -> bytes:
    """A chunk whose checksum is wrong."""
    whole = chunk(name, body)
    return whole[:-1] + bytes((whole[-1] ^ 1,))


DAMAGED = {
    "short cHRM": chunk(b"cHRM", bytes(31)),
    "short gAMA": chunk(b"gAMA", bytes(3)),
    "long gAMA": chunk(b"gAMA", bytes((0, 1, 134, 160, 0))),
    "empty sRGB": chunk(b"sRGB", b""),
    "short pHYs": chunk(b"pHYs", bytes(8)),
    "short tRNS": chunk(b"tRNS", bytes(5)),
    "empty iCCP": chunk(b"iCCP", b""),
    "iCCP of an unknown method": chunk(b"iCCP", b"x\0\1" + iccp(b"x")[1][3:]),
    "wrong checksum of gAMA": spoilt(*gama(1.0)),
    "wrong checksum of cICP": spoilt(*cicp(12, 13)),
    "wrong checksum of a private chunk": spoilt(b"prVt", b"x"),
    "text that inflates to megabytes": chunk(b"zTXt", b"x\0\0" + TEXT),
    "international text that does": chunk(b"iTXt", b"x\0\1\0\0\0" + TEXT),
    "text of an unknown method": chunk(b"zTXt", b"x\0\1x"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_ancillary_chunk_is_left_out(name: str) -> None:
    for behind in (False, True):
        data = planted(DAMAGED[name], behind=behind)
        assert without_damage(data) == BARE, behind
        assert (pixels(result(data).convert("RGB")) == pixels(noise())).all(), behind


def test_after_a_damaged_chunk_the_next_one_counts() -> None:
    linear = chunk(*gama(1.0))
    both = planted(chunk(b"cHRM", bytes(31)), linear)
    assert result(both).tobytes() == result(planted(linear)).tobytes()


def test_a_sound_png_is_not_copied() -> None:
    chunks = (gama(0.5), chrm(DISPLAY_P3), cicp(12, 13), iccp(b"x"), (b"tEXt", b"x\0y"))
    data = planted(*(chunk(*each) for each in chunks))
    assert without_damage(data) is data


def test_a_palette_keeps_a_transparency_of_any_length() -> None:
    chunks = ((b"PLTE", bytes(9)), (b"tRNS", b"\x50"))
    assert pixel(result(png((1, 1, 8, 3), b"\0\0", *chunks)).convert("RGBA")) == (0, 0, 0, 0x50)


def test_a_damaged_palette_is_a_damaged_picture() -> None:
    whole = chunk(b"PLTE", bytes(9))
    data = png((1, 1, 8, 3), b"\0\0", (b"PLTE", bytes(9))).replace(whole, spoilt(b"PLTE", bytes(9)))
    with pytest.raises(CorruptImageError):
        run(data, ImageType.PNG)


def test_an_animation_is_left_as_it_is() -> None:
    data = planted(spoilt(b"acTL", bytes(8)))
    assert without_damage(data) is data
