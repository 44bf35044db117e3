"""Files of other types, files of two types at once, and files under another type's magic."""

import io
import zipfile

import pytest

from shared.imagetype import OUTPUT_TYPES, ImageType
from tests.hostile.clean import REFUSALS, assert_outcomes, end
from tests.workers.imaging.making import noise, saved
from tests.workers.imaging.planting import FILES, soft

_SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>SECRET</script></svg>"


def _zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("SECRET.html", b"<script>SECRET</script>")
    return out.getvalue()


ZIP = _zipped()
HTML = b"<!DOCTYPE html><html><script>alert('SECRET')</script></html>"
SCRIPT = b"\n<?php system('SECRET'); ?>\n#!/bin/sh\necho SECRET\n"
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(SECRET)>>>>endobj\n%%EOF"

OTHERS = {
    "svg": _SVG,
    "svg with a declaration": b"<?xml version='1.0'?>\n" + _SVG,
    "svg in utf-16": _SVG.decode().encode("utf-16"),
    "svgz": b"\x1f\x8b\x08\0\0\0\0\0\0\0" + bytes(40),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(SECRET) run\n",
    "eps with a preview": b"\xc5\xd0\xd3\xc6\x1e\0\0\0" + bytes(60),
    "pdf": PDF,
    "zip": ZIP,
    "html": HTML,
    "psd": b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\x09\0\0\0\x09\0\x08\0\3" + bytes(99),
    "ico": saved(soft(32, 32), "ICO"),
    "cur": b"\0\0\2\0" + saved(soft(32, 32), "ICO")[4:],
    "icns": b"icns\0\0\0\x10ic07\0\0\0\x08",
    "jpeg 2000": saved(soft(32, 32), "JPEG2000"),
    "jpeg 2000 codestream": b"\xff\x4f\xff\x51\0\x29" + bytes(60),
    "jpeg xl": b"\xff\x0a" + bytes(60),
    "jpeg xl in boxes": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(60),
    "jpeg-ls": b"\xff\xd8\xff\xf7\0\x0b\x08\0\x09\0\x09\1\1\x11\0" + bytes(60),
    "jpeg xr": b"II\xbc\1\x08\0\0\0" + bytes(60),
    "ppm": saved(soft(32, 32), "PPM"),
    "tga": saved(soft(32, 32), "TGA"),
    "pcx": saved(soft(32, 32), "PCX"),
    "sgi": saved(soft(32, 32), "SGI"),
    "dds": saved(soft(32, 32), "DDS"),
    "xbm": b"#define x_width 9\n#define x_height 9\nstatic char x_bits[] = {0};\n",
    "wmf": b"\xd7\xcd\xc6\x9a" + bytes(60),
    "emf": b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(60),
    "fits": b"SIMPLE  =                    T" + bytes(99),
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(60),
    "mng": b"\x8aMNG\r\n\x1a\n" + bytes(60),
    "mp4": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(60),
    "webm": b"\x1a\x45\xdf\xa3" + bytes(60),
    "wave in riff": b"RIFF\x24\0\0\0WAVEfmt " + bytes(60),
    "ani in riff": b"RIFF\x24\0\0\0ACONanih" + bytes(60),
    "elf": b"\x7fELF\2\1\1" + bytes(60),
    "exe": b"MZ\x90\0" + bytes(60),
    "shell script": SCRIPT,
    "panasonic raw": b"IIU\0\x08\0\0\0" + bytes(60),
    "olympus raw": b"IIRO\x08\0\0\0" + bytes(60),
    "nothing": b"",
    "one byte": b"\xff",
    "zeros": bytes(2_000),
}


def test_another_type_is_refused() -> None:
    outcomes = {name: end(data, case=name).outcome for name, data in OTHERS.items()}
    refused = dict.fromkeys(OTHERS, "unsupported_image") | {"nothing": "corrupt_image"}
    assert outcomes == refused | {"jpeg-ls": "corrupt_image"}


TAILS = {"zip": ZIP, "html": HTML, "script": SCRIPT, "pdf": PDF, "svg": _SVG}
UPLOADS = {
    "JPEG": saved(soft(), "JPEG"),
    "PNG": saved(soft(), "PNG"),
    "WEBP": saved(soft(), "WEBP"),
    "AVIF": saved(soft(), "AVIF"),
    "HEIF": saved(soft(), "HEIF"),
    "GIF": saved(soft().quantize(60), "GIF"),
    "TIFF": saved(soft(), "TIFF"),
    "BMP": saved(soft(), "BMP"),
}


# Passthrough, which keeps an upload's own coded pixels; a new encoding; and a smaller picture.
MODES = ((100, None), (60, None), (82, 40))


@pytest.mark.parametrize("kind", UPLOADS)
def test_what_follows_a_picture_is_in_no_output(kind: str) -> None:
    types = list(OUTPUT_TYPES)
    start = list(UPLOADS).index(kind)
    for number, (name, tail) in enumerate(TAILS.items(), start):  # each type meets each tail
        to = types[number % len(types)]
        outcome = end(UPLOADS[kind] + tail, to, quality=100, case=name).outcome
        allowed = {"ok", "corrupt_image"} if kind in ("AVIF", "HEIF") else {"ok"}
        assert outcome in allowed, (name, to)


def test_a_picture_behind_something_else_is_refused() -> None:
    together = (
        (f"{kind} behind {head}", TAILS[head] + UPLOADS[kind]) for kind in UPLOADS for head in TAILS
    )
    assert_outcomes(together, {"unsupported_image"})


@pytest.mark.parametrize("first", UPLOADS)
def test_of_two_pictures_the_first_is_the_picture(first: str) -> None:
    alone = end(UPLOADS[first], ImageType.PNG).output
    for second in UPLOADS:
        verdict = end(UPLOADS[first] + UPLOADS[second], ImageType.PNG, case=second)
        assert verdict.outcome in {"ok", "corrupt_image"}, second
        assert verdict.outcome != "ok" or verdict.output == alone, second


@pytest.mark.parametrize("name", FILES)
def test_no_output_holds_what_was_planted_in_its_upload(name: str) -> None:
    kind, data = FILES[name]
    start = list(FILES).index(name)
    for number, to in enumerate(OUTPUT_TYPES, start):
        # All modes to the upload's own type, which has passthrough; one of them to each other.
        modes = MODES if to.facts.decoder == kind else MODES[number % len(MODES) :][:1]
        for quality, max_width in modes:
            verdict = end(data, to, quality=quality, max_width=max_width, case=quality)
            assert verdict.outcome == "ok", (to, quality)


def test_the_magic_of_one_type_before_the_body_of_another_is_refused() -> None:
    heads = {kind: data[:16] for kind, data in UPLOADS.items() if kind not in ("AVIF", "HEIF")}
    mixed = (
        (f"{kind} with the magic of {other}", head + UPLOADS[kind][16:])
        for kind in UPLOADS
        for other, head in heads.items()
        if other != kind
    )
    assert_outcomes(mixed, REFUSALS)


def test_a_picture_of_noise_is_as_clean_as_any() -> None:
    for to in OUTPUT_TYPES:
        assert end(saved(noise(), "PNG"), to).outcome == "ok"
