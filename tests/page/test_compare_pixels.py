"""The comparison, to the pixel: at 100 % a pixel of the result is one of the screen."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.page.comparing import (
    compare,
    encoded,
    give,
    is_middle_of,
    middle_of,
    noise,
    open_session,
    shown,
)
from tests.page.conftest import OpenPage
from tests.support.client import Client

PNG = {"format": "png"}
LARGE = noise(1101, 701)


def lossless(open_page: OpenPage, client: Client, image: Image.Image, scale: float = 1) -> Page:
    """The comparison of an image with a result of the same pixels."""
    file = encoded(image)
    window = {"width": 500, "height": 400, "device_scale_factor": scale}
    page = open_session(open_page, client, {"a.png": file}, PNG, **window)
    compare(page, "a.png")
    give(page, {"a.png": file})
    return page


ONE, TWO = (pytest.param(scale, marks=pytest.mark.full) for scale in (1, 2))


@pytest.mark.parametrize("scale", [ONE, 1.25, TWO])
def test_at_100_percent_both_halves_are_the_pixels_of_the_file(
    open_page: OpenPage, client: Client, scale: float
) -> None:
    page = lossless(open_page, client, LARGE, scale)
    page.keyboard.press("1")
    assert is_middle_of(LARGE, shown(page))


def test_at_200_percent_every_pixel_is_a_square(open_page: OpenPage, client: Client) -> None:
    page = lossless(open_page, client, LARGE)
    page.keyboard.press("2")
    seen = shown(page)
    half = middle_of(LARGE, seen.shape[0] // 2 + 2, seen.shape[1] // 2 + 2)
    doubled = half.repeat(2, axis=0).repeat(2, axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(doubled, seen.shape)
    assert any(np.array_equal(window, seen) for window in windows.reshape(-1, *seen.shape))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_in_an_identical_image_no_seam_is_seen(
    open_page: OpenPage, client: Client, mode: str
) -> None:
    page = lossless(open_page, client, noise(701, 501, mode), 1.25)
    for key in ("0", "1", "2"):
        page.keyboard.press("End")
        for _ in range(20):
            page.keyboard.press("ArrowLeft")
        page.keyboard.press(key)
        both = shown(page)
        page.keyboard.press("Home")
        assert np.array_equal(both, shown(page)), key


def test_each_half_shows_its_own_picture(open_page: OpenPage, client: Client) -> None:
    page = lossless(open_page, client, LARGE)
    page.keyboard.press("1")
    page.locator(".layer img").nth(1).evaluate("(after) => { after.style.opacity = 0; }")
    seen = shown(page)
    before = middle_of(LARGE, *seen.shape[:2])[:, :250]
    assert np.array_equal(seen[:, :250], before)
    assert not np.array_equal(seen[:, 250:], middle_of(LARGE, *seen.shape[:2])[:, 250:])


def test_an_original_that_is_transparent_does_not_let_the_result_through(
    open_page: OpenPage, client: Client
) -> None:
    file = encoded(Image.new("RGBA", (300, 200), (255, 0, 0, 0)))
    page = open_session(open_page, client, {"a.png": file}, PNG)
    compare(page, "a.png")
    give(page, {"a.png": file})
    page.locator(".layer img").nth(1).evaluate("(after) => { after.style.background = 'red'; }")
    middle = shown(page)
    row = middle[middle.shape[0] // 2]
    grounds = {tuple(pixel) for pixel in row[500:640]}
    assert grounds == {(221, 221, 221), (255, 255, 255)}
    assert {tuple(pixel) for pixel in row[640:780]} == {(255, 0, 0)}


def test_on_a_screen_with_other_pixels_they_are_counted_anew(
    open_page: OpenPage, client: Client
) -> None:
    page = lossless(open_page, client, LARGE)
    page.keyboard.press("1")
    # Without a change of the size, too, no emulated screen tells the page of its pixels.
    screen = {"width": 502, "height": 400, "deviceScaleFactor": 2, "mobile": False}
    page.context.new_cdp_session(page).send("Emulation.setDeviceMetricsOverride", screen)
    for half in page.locator(".layer img").all():
        expect(half).to_have_css("transform", re.compile(r"matrix\(0\.5, 0, 0, 0\.5, "))


def test_an_original_is_turned_as_its_result(open_page: OpenPage, client: Client) -> None:
    upright = Image.new("RGB", (120, 200), "blue")
    upright.paste("yellow", (0, 0, 120, 100))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    file = encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    page = open_session(open_page, client, {"a.jpg": file}, PNG)
    compare(page, "a.jpg")
    give(page, {"a.jpg": file})
    seen = shown(page).astype(int)
    middle_y, middle_x = seen.shape[0] // 2, seen.shape[1] // 2
    for x in (middle_x - 30, middle_x + 30):
        assert seen[middle_y - 60, x, 2] < 50 < 200 < seen[middle_y + 60, x, 2]
