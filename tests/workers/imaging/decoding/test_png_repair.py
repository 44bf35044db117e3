"""Damage in a PNG that browsers ignore, and damage that makes it corrupt."""

import struct
import zlib

import pytest
from PIL import PngImagePlugin

from shared.errors import CorruptImageError
from shared.imagetype import ImageType
from tests.conformance.inputs import chrm, cicp, gama, iccp
from tests.conformance.reference import DISPLAY_P3
from tests.workers.imaging.making import DISPLAY_P3 as P3_COLORANTS
from tests.workers.imaging.making import (
    chunk,
    matrix_profile,
    noise,
    opened,
    pixel,
    pixels,
    png,
    result,
    run,
    saved,
)
from tests.workers.imaging.planting import SRGB, interlaced
from workers.imaging.colour.profile import MAX_BYTES
from workers.imaging.colour.spaces import BT709
from workers.imaging.decoding.png_repair import repaired

Chunks = tuple[tuple[bytes, bytes], ...]

BARE = saved(noise(), "PNG")
P3 = matrix_profile(P3_COLORANTS, 2.2)
PIXEL = b"\0\xc8\x5a\x3c"  # a row of one
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
        assert repaired(data) == BARE, behind
        assert (pixels(result(data).convert("RGB")) == pixels(noise())).all(), behind


def test_after_a_damaged_chunk_the_next_one_counts() -> None:
    linear = chunk(*gama(1.0))
    both = planted(chunk(b"cHRM", bytes(31)), linear)
    assert result(both).tobytes() == result(planted(linear)).tobytes()


def test_a_sound_png_is_not_copied() -> None:
    chunks = (gama(0.5), chrm(DISPLAY_P3), cicp(12, 13), iccp(b"x"), (b"tEXt", b"x\0y"))
    data = planted(*(chunk(*each) for each in chunks))
    assert repaired(data) is data


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
    assert repaired(data) is data


RED, GREEN, GREY = (255, 0, 0), (0, 255, 0), (9, 9, 9)
PALETTE = (b"PLTE", bytes((*RED, *GREEN, *GREY)))
HALF, OTHER = (b"tRNS", b"\x80"), (b"tRNS", b"\0\0")
TOO_LONG = (b"tRNS", b"\0\0\0\0")

# What libpng reads of each: the alpha of the first two pixels, which are red and green.
PALETTES = {
    "longer than the palette": ((PALETTE, TOO_LONG), (), (255, 255)),
    "longer than the depth allows": (((b"PLTE", bytes(18)), (b"tRNS", bytes(5))), (), (255, 255)),
    "before the palette": ((HALF, PALETTE), (), (255, 255)),
    "before the palette and behind it": ((OTHER, PALETTE, HALF), (), (128, 255)),
    "behind the pixels": ((PALETTE,), (HALF,), (255, 255)),
    "twice": ((PALETTE, HALF, OTHER), (), (128, 255)),
    "too long, and then right": ((PALETTE, TOO_LONG, HALF), (), (128, 255)),
    "empty": ((PALETTE, (b"tRNS", b"")), (), (255, 255)),
}


def paletted(before: Chunks, behind: Chunks = ()) -> bytes:
    """Two pixels of 2 bits, the first two colours."""
    data = png((2, 1, 2, 3), b"\0\x10", *before)
    return data[:-12] + b"".join(chunk(*each) for each in behind) + data[-12:]


@pytest.mark.parametrize("to", [ImageType.PNG, ImageType.WEBP])
@pytest.mark.parametrize("name", PALETTES)
def test_a_transparency_counts_where_libpng_reads_it(name: str, to: ImageType) -> None:
    before, behind, alphas = PALETTES[name]
    seen = opened(run(paletted(before, behind), to).data).convert("RGBA")
    assert (pixel(seen)[3], pixel(seen, (1, 0))[3]) == alphas


def test_a_transparent_colour_counts_where_libpng_reads_it() -> None:
    black, grey = ((b"tRNS", bytes((0, value))) for value in (0, 7))
    for before, behind in (((black, grey), ()), ((black,), (grey,))):
        data = png((2, 1, 8, 0), b"\0\0\7", *before)
        data = data[:-12] + b"".join(chunk(*each) for each in behind) + data[-12:]
        seen = result(data).convert("RGBA")
        assert (pixel(seen)[3], pixel(seen, (1, 0))[3]) == (0, 255)
    data = png((2, 1, 8, 0), b"\0\0\7")
    assert result(data[:-12] + chunk(*grey) + data[-12:]).mode == "L"


@pytest.mark.parametrize("more", [PALETTE, (b"PLTE", bytes(10)), (b"PLTE", b"")])
def test_a_second_palette_is_damage(more: tuple[bytes, bytes]) -> None:
    with pytest.raises(CorruptImageError):
        run(paletted((PALETTE, more)))


@pytest.mark.parametrize("length", [0, 10, 771])
def test_a_palette_of_no_whole_colours_is_damage(length: int) -> None:
    with pytest.raises(CorruptImageError):
        run(paletted(((b"PLTE", bytes(length)),)))


def test_a_palette_behind_the_pixels_is_passed_over() -> None:
    data = paletted((PALETTE,), ((b"PLTE", bytes(9)),))
    assert pixel(result(data).convert("RGB")) == RED


@pytest.mark.parametrize("name", ["gAMA", "cHRM", "iCCP"])
def test_colours_count_only_before_the_palette_and_once(name: str) -> None:
    linear = {"gAMA": gama(1.0), "cHRM": chrm(DISPLAY_P3), "iCCP": iccp(P3)}[name]
    usual = {"gAMA": gama(1 / 2.2), "cHRM": chrm(BT709), "iCCP": iccp(SRGB)}[name]
    more = (gama(0.3),) if name == "cHRM" else ()
    plain, changed = (result(png((1, 1, 8, 2), PIXEL, *more, c)) for c in (usual, linear))
    assert plain.tobytes() != changed.tobytes()
    colours = (b"PLTE", bytes(9))
    for chunks in ((usual, linear), (usual, colours, linear)):
        assert result(png((1, 1, 8, 2), PIXEL, *more, *chunks)).tobytes() == plain.tobytes()
    behind = png((1, 1, 8, 2), PIXEL, *more)
    behind = behind[:-12] + chunk(*linear) + behind[-12:]
    assert result(behind).tobytes() == plain.tobytes()


@pytest.mark.parametrize("spare", [1_200_000, 3_900_000, 4_100_000])
def test_a_profile_is_read_up_to_our_own_bound(spare: int) -> None:
    small, large = (png((1, 1, 8, 2), PIXEL, iccp(P3 + bytes(more))) for more in (0, spare))
    read = result(large).tobytes() == result(small).tobytes()
    assert read == (spare < MAX_BYTES)
    if not read:  # then passed over, as one that is broken
        assert pixel(result(large)) == tuple(PIXEL[1:])


ROWS = b"".join(b"\0" + bytes((10, 20, 30, 200, 100, 50)) for _ in range(4))


def test_rows_that_are_missing_are_damage_also_in_a_whole_stream() -> None:
    for rows in (ROWS[:-7], ROWS[:-14], ROWS[:7], b""):
        with pytest.raises(CorruptImageError):
            run(png((2, 4, 8, 2), rows))


def test_rows_of_zeros_are_no_damage() -> None:
    assert pixel(result(png((2, 4, 8, 2), ROWS[:-7] + bytes(7))), (1, 3)) == (0, 0, 0)


def test_passes_that_are_missing_are_damage() -> None:
    data = interlaced(noise(16, 16))
    at = data.index(b"IDAT")
    (length,) = struct.unpack_from(">I", data, at - 4)
    passes = zlib.decompress(data[at + 4 : at + 4 + length])
    for kept in (len(passes), len(passes) - 49, 100):
        stream = chunk(b"IDAT", zlib.compress(passes[:kept]))
        cut = data[: at - 4] + stream + chunk(b"IEND", b"")
        if kept == len(passes):
            run(cut)
        else:
            with pytest.raises(CorruptImageError):
                run(cut)


@pytest.mark.parametrize("lost", [1, 4, 12, 14, 16, 20])
def test_a_png_without_its_end_is_whole_as_long_as_no_pixel_is_missing(lost: int) -> None:
    assert (pixels(result(BARE[:-lost])) == pixels(noise())).all()
    assert (pixels(opened(run(BARE[:-lost], ImageType.PNG).data)) == pixels(noise())).all()
