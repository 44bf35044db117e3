"""HEIC: sizes, orientation, colours by profile and code points, alpha, and what is no picture."""

import io
import struct
import subprocess
import sys
from collections.abc import Sequence

import pillow_heif
import pytest
from PIL import Image

from shared.errors import CorruptImageError
from shared.imagetype import ImageType
from tests.support.heic import Mux, box, parameters, payload
from tests.workers.imaging.making import (
    DISPLAY_P3,
    STORED,
    corners,
    matrix_profile,
    noise,
    pixel,
    pixels,
    quarters,
    result,
    run,
    saved,
    to_srgb,
    with_exif,
)
from tests.workers.imaging.planting import clap, with_properties
from workers.imaging.colour.nclx import codes_of
from workers.imaging.decoding.decode import decode
from workers.imaging.formats.probe import Probe, probe
from workers.imaging.transform.orient import orientation_of

COLOURS = [(200, 90, 60), (40, 160, 90), (128, 128, 128), (250, 250, 250), (10, 20, 60)]
IN_P3 = [to_srgb(colour, DISPLAY_P3, 2.2) for colour in COLOURS]  # taken for Display P3
BEST = {"quality": 100, "chroma": 444}


def flat(colour: tuple[int, ...], size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour)


def patches(colours: list[tuple[int, int, int]]) -> Image.Image:
    """One patch of 64 x 64 pixels per colour, side by side."""
    image = Image.new("RGB", (64 * len(colours), 64))
    for at, colour in enumerate(colours):
        image.paste(colour, (64 * at, 0, 64 * at + 64, 64))
    return image


def patches_of(data: bytes, count: int) -> list[tuple[int, ...]]:
    """The colours in the middle of the patches of a file's result."""
    seen = result(data).convert("RGB")
    return [pixel(seen, (64 * at + 32, 32)) for at in range(count)]


def coded(
    colours: list[tuple[int, int, int]], primaries: int, transfer: int
) -> list[tuple[int, ...]]:
    """What colours become whose space is named by code points and not by a profile."""
    codes = {"color_primaries": primaries, "transfer_characteristics": transfer}
    whole = {"matrix_coefficients": 6, "full_range_flag": 1}
    return patches_of(saved(patches(colours), "HEIF", **BEST, **codes, **whole), len(colours))


def near(seen: tuple[int, ...], wanted: tuple[int, ...], tolerance: int = 3) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(seen, wanted, strict=True))


def with_property(data: bytes, more: bytes, item: int, behind: bytes = b"") -> bytes:
    """The file of the encoder at hand with one more property of an item; a box behind iprp."""
    meta, iloc, iprp, ipco, ipma = (
        data.index(name) - 4 for name in (b"meta", b"iloc", b"iprp", b"ipco", b"ipma")
    )
    sizes = {at: struct.unpack_from(">I", data, at)[0] for at in (meta, iprp, ipco, ipma)}
    number, at = 1, ipco + 8
    while at < ipco + sizes[ipco]:
        at += struct.unpack_from(">I", data, at)[0]
        number += 1
    uses = bytearray(data[ipma : ipma + sizes[ipma]])
    place = 18
    for _ in range(item - 1):
        place += 3 + uses[place]
    uses[place] += 1
    uses.insert(place + 1, number)
    struct.pack_into(">I", uses, 0, len(uses))
    out = bytearray(data[:ipma] + uses + behind + data[ipma + sizes[ipma] :])
    out[ipma:ipma] = more
    added = len(more) + 1 + len(behind)
    for at, grown in ((meta, added), (iprp, len(more) + 1), (ipco, len(more))):
        struct.pack_into(">I", out, at, sizes[at] + grown)
    for n in range(struct.unpack_from(">H", data, iloc + 14)[0]):
        at = iloc + 16 + 18 * n + 4
        struct.pack_into(">I", out, at, struct.unpack_from(">I", data, at)[0] + added)
    return bytes(out)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_every_size_comes_through_as_it_is(mode: str) -> None:
    for size in ((1, 1), (1, 70), (3, 2), (37, 21), (129, 65)):
        data = saved(noise(*size).convert(mode), "HEIF")
        assert result(data).size == size


@pytest.mark.parametrize("chroma", [420, 422, 444])
def test_a_picture_keeps_its_colours(chroma: int) -> None:
    seen = result(saved(quarters(640, 320), "HEIF", chroma=chroma))
    assert corners(seen) == corners(quarters())


def test_a_lossless_heic_comes_through_nearly_to_the_pixel() -> None:
    seen = result(saved(noise(), "HEIF", quality=-1, chroma=444))
    assert abs(pixels(seen.convert("RGB")) - pixels(noise())).max() <= 2


def test_a_grid_is_put_together_and_cropped() -> None:
    data = saved(quarters(200, 150), "HEIF", tile_size=64)
    assert data.count(b"hvc1") == 12
    seen = result(data)
    assert (seen.size, corners(seen)) == ((200, 150), corners(quarters()))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_comes_out_upright_and_turned_once(orientation: int) -> None:
    tile_size = 64 if orientation in (1, 2, 6, 7) else 0
    upright = quarters(256, 128)
    stored = upright.transpose(STORED[orientation]) if orientation in STORED else upright
    data = saved(stored, "HEIF", exif=with_exif(orientation), tile_size=tile_size)
    assert (b"irot" in data or b"imir" in data) == (orientation > 1)
    seen = result(data)
    assert (seen.size, corners(seen)) == ((256, 128), corners(upright))


def test_an_orientation_in_exif_alone_turns_nothing() -> None:
    for orientation in range(2, 9):
        data = saved(quarters(256, 128), "HEIF", exif=with_exif(orientation))
        data = data.replace(b"irot", b"free").replace(b"imir", b"free")
        seen = result(data)
        assert (seen.size, corners(seen)) == ((256, 128), corners(quarters())), orientation


def test_exif_that_pillow_heif_cannot_read_and_pillow_can_turns_nothing() -> None:
    exif = b"Exif\0\0" + with_exif(6)
    assert exif.startswith(b"Exif\0\0" * 2)
    data = saved(quarters(256, 128), "HEIF", exif=exif)
    data = data.replace(b"irot", b"free").replace(bytes((0, 0, 0, 12)) + exif, bytes(4) + exif)
    with Image.open(io.BytesIO(data), formats=["HEIF"]) as image:
        assert orientation_of(image) == 6
    seen = result(data)
    assert (seen.size, corners(seen)) == ((256, 128), corners(quarters()))


def test_the_box_is_that_of_the_upright_picture() -> None:
    stored = quarters(600, 400).transpose(STORED[6])
    seen = result(saved(stored, "HEIF", exif=with_exif(6)), max_width=150)
    assert (seen.size, corners(seen)) == ((150, 100), corners(quarters()))


def assert_near(
    seen: list[tuple[int, ...]], wanted: Sequence[tuple[int, ...]], tolerance: int = 3
) -> None:
    for one, other in zip(seen, wanted, strict=True):
        assert near(one, other, tolerance), (one, other)


def test_an_embedded_profile_is_applied() -> None:
    profile = matrix_profile(DISPLAY_P3, 2.2)
    data = saved(patches(COLOURS), "HEIF", **BEST, icc_profile=profile)
    assert_near(patches_of(data, len(COLOURS)), IN_P3)


def test_a_profile_outranks_code_points() -> None:
    profile = matrix_profile(DISPLAY_P3, 2.2)
    data = saved(patches(COLOURS), "HEIF", **BEST, icc_profile=profile)
    codes = box(b"colr", b"nclx", struct.pack(">HHHB", 9, 16, 6, 0x80))
    data = with_property(data, codes, 1)
    assert data.count(b"colr") == 2
    assert_near(patches_of(data, len(COLOURS)), IN_P3)


def test_display_p3_by_code_points_comes_out_in_srgb() -> None:
    assert_near(coded(COLOURS, 12, 4), IN_P3)


def test_a_colour_that_srgb_lacks_becomes_its_nearest() -> None:
    assert_near(coded([(60, 250, 60)], 12, 13), [(0, 254, 0)], tolerance=12)


@pytest.mark.parametrize(("primaries", "transfer"), [(1, 13), (1, 1), (2, 2), (1, 6)])
def test_code_points_of_srgb_or_unspecified_change_no_colour(primaries: int, transfer: int) -> None:
    assert_near(coded(COLOURS, primaries, transfer), COLOURS)


@pytest.mark.parametrize("primaries", [4, 5, 6, 7, 9, 11, 12])
def test_grey_stays_grey_in_every_space(primaries: int) -> None:
    greys = [(grey, grey, grey) for grey in (0, 90, 255)]
    assert_near(coded(greys, primaries, 13), greys)


def test_paper_white_of_high_dynamic_range_is_light_and_leaves_room_above() -> None:
    # BT.2408, table 1: 58 % of PQ and 75 % of HLG are 203 cd/m².
    for transfer, share in ((16, 0.58), (18, 0.75)):
        white, below = round(255 * share), round(255 * share * 0.8)
        light, grey = coded([(white,) * 3, (below,) * 3], 9, transfer)
        assert 220 <= min(light) <= 240
        assert 100 < grey[0] < 220


def test_code_points_without_a_meaning_count_as_srgb() -> None:
    assert codes_of(99, 99) == codes_of(1, 13)


def test_a_code_point_without_a_meaning_does_not_change_the_other() -> None:
    for primaries, transfer, meant in ((12, 2, (12, 13)), (2, 8, (1, 8))):
        assert codes_of(primaries, transfer)[:2] == meant


def test_linear_light_is_made_visible() -> None:
    assert_near(coded([(128, 128, 128)], 1, 8), [(188, 188, 188)])


@pytest.mark.parametrize("alpha", [0, 77, 255])
def test_alpha_is_kept(alpha: int) -> None:
    seen = result(saved(flat((200, 90, 60, alpha)), "HEIF", **BEST))
    if alpha == 255:
        assert near(pixel(seen.convert("RGB"), (20, 20)), (200, 90, 60))
    else:
        assert seen.mode == "RGBA"
        assert near(pixel(seen, (20, 20))[3:], (alpha,))


def test_alpha_of_greys_is_kept() -> None:
    grey = Image.new("LA", (64, 64), (120, 77))
    assert near(pixel(result(saved(grey, "HEIF", **BEST)).convert("RGBA")), (120, 120, 120, 77))


def ten_bits(values: list[int], mode: str) -> bytes:
    """One row of colours of 16 bits, kept in 10, each 64 pixels wide."""
    wide = [value for value in values for _ in range(64)] * 64
    channels = 3 if mode == "RGB;16" else 1
    data = struct.pack(f"<{len(wide) * channels}H", *(v for v in wide for _ in range(channels)))
    file = pillow_heif.from_bytes(mode, (64 * len(values), 64), data)
    out = io.BytesIO()
    file.save(out, **BEST)
    return out.getvalue()


@pytest.mark.parametrize("mode", ["RGB;16", "I;16"])
def test_ten_bits_become_eight(mode: str) -> None:
    data = ten_bits([0, 20_000, 40_000, 65_535], mode)
    seen = result(data).convert("RGB")
    assert data[data.index(b"hvcC") + 21] & 7 == 2  # bit_depth_luma_minus8
    for at, wanted in enumerate((0, 78, 156, 255)):
        assert near(pixel(seen, (64 * at + 32, 32)), (wanted,) * 3)


def test_only_the_primary_of_several_pictures_is_kept() -> None:
    others = [flat((255, 0, 0)), flat((0, 0, 255))]
    data = saved(
        flat((0, 255, 0), (80, 48)),
        "HEIF",
        save_all=True,
        append_images=others,
        primary_index=0,
    )
    seen = result(data)
    assert (seen.size, corners(seen)) == ((80, 48), [(0, 255, 0)] * 4)
    assert run(data).warnings == ()


def test_a_thumbnail_is_never_taken_for_the_picture() -> None:
    data = saved(quarters(512, 256), "HEIF", thumbnails=[128])
    source = decode(data, probe(data), 64, 64)
    assert source.image.size == (512, 256)


def gain_mapped() -> bytes:
    """A picture with a second one that is declared to be its HDR gain map."""
    white = flat((255, 255, 255), (128, 64))
    data = saved(quarters(256, 128), "HEIF", save_all=True, append_images=[white])
    urn = bytes(4) + b"urn:com:apple:photo:2020:aux:hdrgainmap\0"
    auxl = box(b"auxl", struct.pack(">HHH", 2, 1, 1))
    return with_property(data, box(b"auxC", urn), 2, box(b"iref", bytes(4), auxl))


def test_a_gain_map_is_not_taken_for_the_picture() -> None:
    data = gain_mapped()
    with Image.open(io.BytesIO(data), formats=["HEIF"]) as image:
        assert getattr(image, "n_frames", 0) == 1  # so the second picture was taken for an aid
    seen = result(data)
    assert (seen.size, corners(seen)) == ((256, 128), corners(quarters()))


def test_no_other_decoder_runs_for_a_heic() -> None:
    with pytest.raises(CorruptImageError):
        decode(saved(noise(), "AVIF"), Probe(ImageType.HEIC, 96, 64, 1))


@pytest.mark.full
def test_fifty_megapixels_decode_within_half_a_gigabyte() -> None:
    code = (
        "import io, resource\n"
        "from PIL import Image\n"
        "from workers.imaging.formats.probe import probe\n"
        "from workers.imaging.decoding.decode import decode\n"
        "data = open('/dev/stdin', 'rb').read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "source = decode(data, probe(data))\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(*source.image.size, grown)\n"
    )
    tile = saved(quarters(1024, 1024), "HEIF")
    layout = (b"grid", struct.pack(">BBBBHH", 0, 0, 5, 7, 8160, 6120))
    pieces = ((b"hvc1", payload(tile)),) * 48
    made = Mux((*pieces, layout), tuple(parameters(tile)), (1024, 1024), (8160, 6120))
    data = made.file()
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    width, height, kilobytes = map(int, done.stdout.split())
    assert (width, height) == (8160, 6120)
    assert kilobytes < 500_000


def test_a_crop_that_reaches_past_the_picture_leaves_what_is_in_it() -> None:
    # libheif announces the crop's own size, and cuts it when it decodes.
    data = with_properties(saved(noise(96, 64), "HEIF"), clap(48, 1, 32, 1, 40, 1, 0, 1))
    whole = result(data)
    assert whole.size == (32, 32)
    assert result(data, max_width=16).size == (16, 16)
