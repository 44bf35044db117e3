"""What a PNG's own chunks say of its colours, and which of them is believed."""

from collections.abc import Callable

import numpy as np
import pytest

from shared.imagetype import ImageType
from tests.conformance.comparing import ALL, assert_seen, difference
from tests.conformance.inputs import (
    COLOURS,
    GREYS,
    SRGB_CHUNK,
    chart,
    chrm,
    cicp,
    gama,
    iccp,
    palette,
    patches,
    png_of,
)
from tests.conformance.reference import (
    ADOBE_RGB,
    BT709,
    BT2020,
    DISPLAY_P3,
    WIDE,
    Values,
    bt709_light,
    encoded,
    power,
    seen,
    srgb_light,
)
from tests.conformance.test_colour import profile_of
from tests.workers.imaging.making import result

RGB, PALETTE, RGBA = 2, 3, 6
P3 = seen(COLOURS, DISPLAY_P3, srgb_light)

# Each of them leads to other colours.
LINEAR = (gama(1.0),)
ADOBE = (gama(256 / 563), chrm(ADOBE_RGB))
PROFILE = (iccp(profile_of(DISPLAY_P3, 1.5)),)


def tagged(*chunks: tuple[bytes, bytes]) -> bytes:
    """The chart of colours as a PNG with chunks."""
    return png_of(chart(COLOURS), 8, RGB, *chunks)


@pytest.mark.parametrize("to", ALL)
def test_gamma_alone_is_applied(to: ImageType) -> None:
    assert_seen(tagged(*LINEAR), seen(COLOURS, BT709, power(1.0)), to)


@pytest.mark.parametrize(
    ("space", "to"), list(zip([DISPLAY_P3, ADOBE_RGB, BT2020, WIDE], ALL, strict=True))
)
def test_gamma_and_chromaticities_make_a_space(space: tuple[float, ...], to: ImageType) -> None:
    assert_seen(tagged(gama(1 / 1.8), chrm(space)), seen(COLOURS, space, power(1.8)), to)


def test_chromaticities_under_another_white_are_adapted() -> None:
    under_a = (0.4476, 0.4074, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # CIE illuminant A
    assert_seen(tagged(gama(0.5), chrm(under_a)), seen(COLOURS, under_a, power(2)))
    grey = np.full((8, 3), 128)
    data = png_of(chart(grey), 8, RGB, gama(0.5), chrm(under_a))
    assert np.ptp(patches(result(data))) <= 1


def test_chromaticities_without_gamma_are_ignored() -> None:
    assert_seen(tagged(chrm(DISPLAY_P3)), COLOURS)


def test_the_gamma_and_chromaticities_beside_an_srgb_chunk_change_nothing() -> None:
    rounded = (0.31270, 0.32900, 0.6401, 0.3300, 0.3000, 0.6001, 0.1500, 0.0600)
    assert_seen(tagged(gama(0.45455), chrm(rounded)), COLOURS)


@pytest.mark.parametrize(
    "broken",
    [(0.0,) * 8, (0.3127, 0.329, 0.64, 0.33, 0.64, 0.33, 0.15, 0.06),
     (0.9, 0.05, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
     (0.3127, 0.329, 0.64, 0.33, 0.30, 0.60, 0.15, 0.0), (20_000.0,) * 8],
)  # fmt: skip
def test_impossible_chromaticities_leave_gamma_alone(broken: tuple[float, ...]) -> None:
    assert_seen(tagged(gama(1.0), chrm(broken)), seen(COLOURS, BT709, power(1.0)))


TRANSFERS: dict[int, Callable[[Values], Values]] = {
    1: bt709_light,
    6: bt709_light,
    14: bt709_light,
    15: bt709_light,
}
TRANSFERS |= {4: power(2.2), 5: power(2.8), 8: power(1.0), 13: srgb_light}


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_each_transfer_of_cicp_is_the_curve_of_its_standard(transfer: int) -> None:
    # The constants of BT.709 and BT.2020 differ in the fourth digit.
    wanted = seen(COLOURS, BT709, TRANSFERS[transfer])
    assert_seen(tagged(cicp(1, transfer)), wanted, add=0.5)


@pytest.mark.parametrize(("code", "space"), [(1, BT709), (9, BT2020), (12, DISPLAY_P3)])
def test_the_primaries_of_cicp_are_honoured(code: int, space: tuple[float, ...]) -> None:
    assert_seen(tagged(cicp(code, 13)), seen(COLOURS, space, srgb_light))


def test_cicp_in_narrow_range_is_spread() -> None:
    spread = np.clip((COLOURS - 16) / 219 * 255, 0, 255)
    assert_seen(tagged(cicp(12, 13, full=0)), seen(spread, DISPLAY_P3, srgb_light))


@pytest.mark.parametrize("codes", [(2, 13, 0, 1), (1, 2, 0, 1), (12, 13, 1, 1), (12, 99, 0, 1)])
def test_after_codes_that_are_not_rgb_the_next_chunk_counts(
    codes: tuple[int, int, int, int],
) -> None:
    assert_seen(tagged(cicp(*codes), *LINEAR), seen(COLOURS, BT709, power(1.0)))


def test_a_cicp_chunk_of_another_length_is_ignored() -> None:
    assert_seen(tagged((b"cICP", b"\x0c\x0d\0\1\0")), COLOURS)
    assert_seen(tagged((b"cICP", b"\x0c\x0d")), COLOURS)


RANKS = [
    ((cicp(12, 13), *PROFILE, SRGB_CHUNK, *ADOBE), P3),
    ((cicp(12, 13), *PROFILE), P3),
    ((*PROFILE, SRGB_CHUNK, *ADOBE), seen(COLOURS, DISPLAY_P3, power(1.5))),
    ((*PROFILE, *LINEAR), seen(COLOURS, DISPLAY_P3, power(1.5))),
    ((SRGB_CHUNK, *ADOBE), COLOURS),
    (ADOBE, seen(COLOURS, ADOBE_RGB, power(563 / 256))),
]


@pytest.mark.parametrize(("chunks", "wanted"), RANKS, ids=[str(rank) for rank in range(6)])
def test_cicp_outranks_the_profile_which_outranks_srgb_which_outranks_gamma(
    chunks: tuple[tuple[bytes, bytes], ...], wanted: Values
) -> None:
    # PNG, third edition, 4.3, table 1. The order of the chunks in the file does not matter.
    assert_seen(tagged(*chunks), wanted)
    assert_seen(tagged(*chunks[::-1]), wanted)


def test_a_palette_follows_its_profile() -> None:
    indexes = chart(np.arange(64)[:, None])
    data = png_of(indexes, 8, PALETTE, *PROFILE, palette(COLOURS))
    assert_seen(data, seen(COLOURS, DISPLAY_P3, power(1.5)))


def test_a_palette_follows_cicp() -> None:
    data = png_of(chart(np.arange(64)[:, None]), 8, PALETTE, cicp(12, 13), palette(COLOURS))
    assert_seen(data, P3)


def test_colours_of_16_bits_follow_cicp() -> None:
    assert_seen(png_of(chart(COLOURS * 257), 16, RGB, cicp(12, 13)), P3)


@pytest.mark.parametrize("chunks", [(cicp(12, 13),), ADOBE])
def test_colour_chunks_do_not_change_alpha(chunks: tuple[tuple[bytes, bytes], ...]) -> None:
    alpha = np.arange(64)[:, None] + 100
    data = png_of(chart(np.concatenate([COLOURS, alpha], axis=1)), 8, RGBA, *chunks)
    assert difference(patches(result(data), "RGBA")[:, 3:], alpha) == 0


def test_grey_stays_one_channel_under_cicp() -> None:
    image = result(png_of(chart(GREYS), 8, 0, cicp(12, 8)))
    assert image.mode == "L"
    assert difference(patches(image, "L"), encoded(GREYS / 255)) <= 1


@pytest.mark.parametrize("code", [16, 18], ids=["PQ", "HLG"])
class TestHdr:
    def ramp(self, code: int) -> Values:
        """What each of 64 greys becomes."""
        return patches(result(png_of(chart(GREYS.repeat(3, axis=1)), 8, RGB, cicp(9, code))))

    def test_black_and_peak_meet_the_ends(self, code: int) -> None:
        assert self.ramp(code)[[0, -1]].tolist() == [[0] * 3, [255] * 3]

    def test_grey_stays_neutral_and_in_order(self, code: int) -> None:
        ramp = self.ramp(code)
        assert np.ptp(ramp, axis=1).max() <= 1
        assert (np.diff(ramp[:, 1]) >= 0).all()

    def test_reference_white_is_light_and_leaves_room_above(self, code: int) -> None:
        signal = {16: 148, 18: 191}[code]  # 203 cd/m2: BT.2408, table 1, 58 % and 75 %
        data = png_of(chart(np.full((8, 3), signal)), 8, RGB, cicp(9, code))
        assert 220 <= patches(result(data)).mean() <= 240

    def test_below_the_knee_light_is_light(self, code: int) -> None:
        # ITU-R BT.2100: of PQ's 10,000 cd/m2, and of a display of 1000 with HLG.
        signal = {16: 110, 18: 128}[code]
        share = signal / 255
        root = share ** (32 / 2523)
        pq = 10_000 * ((root - 0.8359375) / (18.8515625 - 18.6875 * root)) ** (8192 / 1305)
        # 128 is a little over half, where the two parts of HLG's curve meet smoothly.
        luminance = pq if code == 16 else 1000 * (share**2 / 3) ** 1.2
        data = png_of(chart(np.full((8, 3), signal)), 8, RGB, cicp(9, code))
        assert abs(patches(result(data)).mean() - encoded(np.array(luminance / 203))) <= 1
