"""Profiles made to cost, in every container that carries one."""

import struct

import pytest
from PIL import Image

from tests.hostile.clean import REFUSALS, assert_outcomes
from tests.workers.imaging.making import SRGB, matrix_profile, noise, press_profile, saved

RGB = matrix_profile(SRGB, 1.0)
PRESS = press_profile((128, 90, 90))


def profile(tags: dict[bytes, bytes], space: bytes = b"RGB ", pcs: bytes = b"XYZ ") -> bytes:
    """An ICC v4 display profile of these tags, each as it stands."""
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4xI4s4s4s", at + len(body), 0x04400000, b"mntr", space, pcs)
    head = head.ljust(36, b"\0") + b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def elements(count: int) -> bytes:
    """multiProcessElementsType, ICC.1:2022, 10.16: the very same matrix so many times."""
    matrix = b"matf" + bytes(4) + struct.pack(">HH", 3, 3)
    matrix += struct.pack(">12f", 0.9, 0, 0, 0, 0.9, 0, 0, 0, 0.9, 0, 0, 0)
    place = struct.pack(">II", 16 + 8 * count, len(matrix))
    return b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, count) + place * count + matrix


def curve(count: int, stated: int | None = None) -> bytes:
    values = bytes(range(256)) * (count // 128)
    return b"curv" + bytes(4) + struct.pack(">I", count if stated is None else stated) + values


def with_curves(curve: bytes) -> bytes:
    """The usual profile with other curves."""
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061)
    tags = {b"wtpt": white}
    for name, colorant in zip((b"r", b"g", b"b"), SRGB, strict=True):
        values = struct.pack(">iii", *(round(value * 65536) for value in colorant))
        tags |= {name + b"XYZ": b"XYZ " + bytes(4) + values, name + b"TRC": curve}
    return profile(tags)


def table(points: int, stated: int) -> bytes:
    """lut16Type with a lattice of so many points a side, or of as many as it states."""
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    ramp = struct.pack(">HH", 0, 65535)
    head = b"mft2" + bytes(4) + bytes((3, 3, stated, 0)) + identity + struct.pack(">HH", 2, 2)
    return head + ramp * 3 + bytes(2 * 3 * points**3) + ramp * 3


PROFILES = {
    "nothing": b"x",
    "zeros": bytes(4_000),
    "half": RGB[: len(RGB) // 2],
    "header alone": RGB[:128],
    "a length that lies": b"\xff\xff\xff\xff" + RGB[4:],
    "tags without end": RGB[:128] + b"\xff\xff\xff\xff" + RGB[132:],
    "a tag far outside": RGB[:136] + b"\x7f\xff\xff\xf0" * 2 + RGB[144:],
    "of a press": PRESS,
    "of an unknown space": RGB[:16] + b"FCLR" + RGB[20:],
    "linking to itself": RGB[:12] + b"link" + RGB[16:],
    "named colours": RGB[:12] + b"nmcl" + RGB[16:],
    "a thousand steps": profile({b"D2B1": elements(1_000)}),
    "100,000 steps": profile({b"D2B1": elements(100_000), b"A2B0": table(2, 2)}, pcs=b"Lab "),
    "steps beside the usual": with_curves(curve(1024)),
    "curves of a million": with_curves(curve(1_000_000)),
    "curves without end": with_curves(curve(1024, 0x7FFFFFFE)),
    "a lattice": profile({b"A2B0": table(33, 33)}, pcs=b"Lab "),
    "a lattice that lies": profile({b"A2B0": table(2, 255)}, pcs=b"Lab "),
}


def made(container: str, profile: bytes) -> bytes:
    """A small picture with this profile."""
    fast = {"speed": 10} if container == "AVIF" else {}
    return saved(noise(), container, icc_profile=profile, **fast)


def of_space(space: bytes, profile: bytes) -> bytes:
    """The profile with another colour space in its header, where it has one."""
    return profile[:16] + space + profile[20:] if len(profile) > 128 else profile


def test_a_hostile_profile_costs_little() -> None:
    profiles = ((name, made("JPEG", profile)) for name, profile in PROFILES.items())
    assert_outcomes(profiles, {"ok", *REFUSALS})


# Those of each kind that cost most: damaged, not of RGB, with many steps, large.
EVERYWHERE = ("half", "of a press", "100,000 steps", "curves of a million", "a lattice that lies")


@pytest.mark.parametrize("container", ["TIFF", "PNG", "WEBP", "AVIF", "HEIF"])
def test_a_hostile_profile_costs_little_in_every_container(container: str) -> None:
    profiles = ((name, made(container, PROFILES[name])) for name in EVERYWHERE)
    assert_outcomes(profiles, {"ok", *REFUSALS})


@pytest.mark.full
@pytest.mark.parametrize("container", ["TIFF", "PNG", "WEBP", "AVIF", "HEIF"])
def test_every_other_profile_costs_little_in_every_container(container: str) -> None:
    others = PROFILES.keys() - EVERYWHERE
    profiles = ((name, made(container, PROFILES[name])) for name in sorted(others))
    assert_outcomes(profiles, {"ok", *REFUSALS})


@pytest.mark.parametrize(
    ("space", "image"),
    [(b"GRAY", noise().convert("L")), (b"CMYK", Image.new("CMYK", (32, 32)))],
    ids=["grey", "inks"],
)
def test_a_hostile_profile_of_another_space_costs_little(space: bytes, image: Image.Image) -> None:
    profiles = (
        (name, saved(image, "JPEG", icc_profile=of_space(space, profile)))
        for name, profile in PROFILES.items()
    )
    assert_outcomes(profiles, {"ok", *REFUSALS})


def test_a_profile_of_16_megabytes_costs_little() -> None:
    large = with_curves(curve(1024)) + bytes(16_000_000)
    containers = ((one, made(one, large)) for one in ("JPEG", "WEBP"))
    assert_outcomes(containers, {"ok", *REFUSALS})
