import contextlib
import io
import struct
import subprocess
import sys

import pillow_heif
import pytest
from PIL import Image

from shared.errors import CorruptImageError, UnsupportedImageError
from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Probe
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
from workers.imaging.colour.nclx import codes_of
from workers.imaging.decoding.decode import decode
from workers.imaging.formats.probe import probe
from workers.imaging.transform.orient import orientation_of

COLOURS = [(200, 90, 60), (40, 160, 90), (128, 128, 128), (250, 250, 250), (10, 20, 60)]
BEST = {"quality": 100, "chroma": 444}


def flat(colour: tuple[int, ...], size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour)


def told(colour: tuple[int, int, int], primaries: int, transfer: int) -> tuple[int, ...]:
    """What a colour becomes whose space is told by numbers and not by a profile."""
    numbers = {"color_primaries": primaries, "transfer_characteristics": transfer}
    whole = {"matrix_coefficients": 6, "full_range_flag": 1}
    seen = result(saved(flat(colour), "HEIF", **BEST, **numbers, **whole))
    return pixel(seen.convert("RGB"), (20, 20))


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


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (3, 2), (37, 21), (129, 65)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_every_size_comes_through_as_it_is(mode: str, size: tuple[int, int]) -> None:
    data = saved(noise(*size).convert(mode), "HEIF")
    assert result(data).size == size


@pytest.mark.parametrize("chroma", [420, 422, 444])
def test_a_picture_keeps_its_looks(chroma: int) -> None:
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
@pytest.mark.parametrize("tile_size", [0, 64])
def test_each_orientation_comes_out_upright_and_turned_once(
    orientation: int, tile_size: int
) -> None:
    upright = quarters(256, 128)
    stored = upright.transpose(STORED[orientation]) if orientation in STORED else upright
    data = saved(stored, "HEIF", exif=with_exif(orientation), tile_size=tile_size)
    assert (b"irot" in data or b"imir" in data) == (orientation > 1)
    seen = result(data)
    assert (seen.size, corners(seen)) == ((256, 128), corners(upright))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_orientation_in_exif_alone_turns_nothing(orientation: int) -> None:
    data = saved(quarters(256, 128), "HEIF", exif=with_exif(orientation))
    data = data.replace(b"irot", b"free").replace(b"imir", b"free")
    seen = result(data)
    assert (seen.size, corners(seen)) == ((256, 128), corners(quarters()))


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
    stored = quarters(1200, 800).transpose(STORED[6])
    seen = result(saved(stored, "HEIF", exif=with_exif(6)), max_width=300)
    assert (seen.size, corners(seen)) == ((300, 200), corners(quarters()))


@pytest.mark.parametrize("colour", COLOURS)
def test_an_embedded_profile_is_gone_by(colour: tuple[int, int, int]) -> None:
    data = saved(flat(colour), "HEIF", **BEST, icc_profile=matrix_profile(DISPLAY_P3, 2.2))
    assert near(pixel(result(data), (20, 20)), to_srgb(colour, DISPLAY_P3, 2.2))


@pytest.mark.parametrize("colour", COLOURS)
def test_a_profile_goes_before_numbers(colour: tuple[int, int, int]) -> None:
    profile = matrix_profile(DISPLAY_P3, 2.2)
    data = saved(flat(colour), "HEIF", **BEST, icc_profile=profile)
    numbers = box(b"colr", b"nclx", struct.pack(">HHHB", 9, 16, 6, 0x80))
    data = with_property(data, numbers, 1)
    assert data.count(b"colr") == 2
    assert near(pixel(result(data), (20, 20)), to_srgb(colour, DISPLAY_P3, 2.2))


@pytest.mark.parametrize("colour", COLOURS)
def test_display_p3_told_by_numbers_comes_out_in_srgb(colour: tuple[int, int, int]) -> None:
    assert near(told(colour, 12, 4), to_srgb(colour, DISPLAY_P3, 2.2))


def test_a_colour_that_srgb_lacks_becomes_its_nearest() -> None:
    assert near(told((60, 250, 60), 12, 13), (0, 254, 0), tolerance=12)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("primaries", "transfer"), [(1, 13), (1, 1), (2, 2), (1, 6)])
def test_numbers_that_say_srgb_or_nothing_change_no_colour(
    primaries: int, transfer: int, colour: tuple[int, int, int]
) -> None:
    assert near(told(colour, primaries, transfer), colour)


@pytest.mark.parametrize("primaries", [4, 5, 6, 7, 9, 11, 12])
def test_grey_stays_grey_in_every_space(primaries: int) -> None:
    for grey in (0, 90, 255):
        assert near(told((grey, grey, grey), primaries, 13), (grey, grey, grey))


def test_paper_white_of_high_dynamic_range_is_light_and_leaves_room_above() -> None:
    # BT.2408, table 1: 58 % of PQ and 75 % of HLG are 203 cd/m².
    for transfer, share in ((16, 0.58), (18, 0.75)):
        white, below = round(255 * share), round(255 * share * 0.8)
        assert 220 <= min(told((white, white, white), 9, transfer)) <= 240
        assert 100 < told((below, below, below), 9, transfer)[0] < 220


def test_numbers_without_a_meaning_are_srgbs() -> None:
    assert codes_of(99, 99) == codes_of(1, 13)


def test_a_number_without_a_meaning_leaves_the_other_its_own() -> None:
    for primaries, transfer, meant in ((12, 2, (12, 13)), (2, 8, (1, 8))):
        assert codes_of(primaries, transfer)[:2] == meant


def test_linear_light_is_made_visible() -> None:
    assert near(told((128, 128, 128), 1, 8), (188, 188, 188))


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
    data = saved(quarters(1024, 512), "HEIF", thumbnails=[256])
    source = decode(data, probe(data), 64, 64)
    assert source.image.size == (1024, 512)


def gain_mapped() -> bytes:
    """A picture with a second one that is declared to be its HDR gain map."""
    white = flat((255, 255, 255), (128, 64))
    data = saved(quarters(256, 128), "HEIF", save_all=True, append_images=[white])
    urn = bytes(4) + b"urn:com:apple:photo:2020:aux:hdrgainmap\0"
    auxl = box(b"auxl", struct.pack(">HHH", 2, 1, 1))
    return with_property(data, box(b"auxC", urn), 2, box(b"iref", bytes(4), auxl))


def test_a_gain_map_is_left_aside() -> None:
    data = gain_mapped()
    with Image.open(io.BytesIO(data), formats=["HEIF"]) as image:
        assert getattr(image, "n_frames", 0) == 1  # so the second picture was taken for an aid
    seen = result(data)
    assert (seen.size, corners(seen)) == ((256, 128), corners(quarters()))


def damaged() -> dict[str, bytes]:
    return {
        "still": saved(noise(), "HEIF"),
        "alpha": saved(noise().convert("RGBA"), "HEIF"),
        "grid": saved(noise(200, 150), "HEIF", tile_size=64, exif=with_exif(6)),
    }


@pytest.mark.parametrize("name", damaged())
def test_a_heic_cut_anywhere_is_corrupt(name: str) -> None:
    data = damaged()[name]
    for percent in range(2, 100, 2):
        with pytest.raises(CorruptImageError):
            run(data[: max(24, len(data) * percent // 100)])


@pytest.mark.parametrize("name", damaged())
def test_a_heic_with_bytes_overwritten_never_escapes_as_another_error(name: str) -> None:
    data = damaged()[name]
    for start in (*range(8, min(len(data), 1_200), 7), *range(1_200, len(data), 400)):
        broken = data[:start] + b"\xa5" * 4 + data[start + 4 :]
        with contextlib.suppress(CorruptImageError, UnsupportedImageError):
            run(broken, max_width=32)


def test_no_other_decoder_runs_for_a_heic() -> None:
    with pytest.raises(CorruptImageError):
        decode(saved(noise(), "AVIF"), Probe(ImageType.HEIC, 96, 64, 1))


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


def test_metadata_is_gone() -> None:
    data = saved(quarters(), "HEIF", exif=with_exif(6, gps=True), xmp=b"<x:SECRETXMP/>")
    assert b"SECRETMAKER" in data
    for format in OUTPUT_TYPES:
        output = run(data, format).data
        assert b"SECRET" not in output
