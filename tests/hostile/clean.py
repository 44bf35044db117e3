"""What an upload must come to: a refusal that the contract knows, or a clean file in bounds."""

import struct
from collections.abc import Iterable
from functools import cache

from shared.imagetype import ImageType
from shared.models import Options
from tests.hostile.container import parts
from tests.hostile.judge import MOST_MEGABYTES, MOST_SECONDS, Judge, Verdict

REFUSALS = {"unsupported_image", "corrupt_image", "too_many_pixels", "too_many_frames"}
_OTHERS = {"too_large_for_format"}  # of what is no fault of the upload's

# All that an output may hold.
_NEEDED = {
    ImageType.JPG: {"JFIF", "Adobe", "DQT", "DHT", "DRI", "SOF", "SOS"},
    ImageType.PNG: {"IHDR", "PLTE", "tRNS", "IDAT", "IEND"},
    ImageType.WEBP: {"VP8X", "ALPH", "VP8 ", "VP8L", "ANIM", "ANMF"},
    ImageType.AVIF: {
        *("ftyp", "meta", "hdlr pict", "pitm", "iloc", "iinf", "item av01", "item grid", "mdat"),
        *("iref", "auxl", "dimg", "prem"),
        *("iprp", "ipco", "ispe", "pixi", "av1C", "auxC", "colr nclx", "ipma"),
        # A film's:
        *("moov", "mvhd", "trak", "tkhd", "tref", "edts", "elst", "mdia", "mdhd", "hdlr auxv"),
        *("minf", "vmhd", "dinf", "dref", "url ", "stbl", "stsd", "av01", "auxi", "ccst"),
        *("stts", "stsc", "stsz", "stco", "stss"),
    },
}

# What files and tests have planted where it must not stay, and how metadata begins.
_TRACES = (b"SECRET", b"Exif\0", b"EXIF", b"http://ns.adobe.com", b"<x:xmpmeta", b"acsp", b"8BIM")


@cache
def _judge() -> Judge:
    """One child for all: its peak of memory is then that of the worst so far, as a worker's is."""
    return Judge()


def faults(verdict: Verdict, to: ImageType) -> list[str]:
    """What is wrong with an upload's end, a sentence each."""
    found = []
    if verdict.outcome not in {"ok", *REFUSALS, *_OTHERS}:
        found.append(verdict.outcome)
    if verdict.seconds > MOST_SECONDS:
        found.append(f"took {verdict.seconds:.1f} s of CPU")
    if verdict.megabytes > MOST_MEGABYTES:
        found.append(f"took {verdict.megabytes:.0f} MB")
    if verdict.outcome == "ok":
        found += output_faults(verdict.output, to)
    return found


def output_faults(data: bytes, to: ImageType) -> list[str]:
    """What a finished file holds that it should not."""
    try:
        extra = set(parts(data, to)) - _NEEDED[to]
    except (AssertionError, IndexError, ValueError, struct.error) as error:
        return [f"a broken {to.value}: {error!r}"]
    found = [f"the output holds {name}" for name in sorted(extra)]
    return found + [f"the output holds {trace!r}" for trace in _TRACES if trace in data]


def end(
    data: bytes,
    to: ImageType = ImageType.WEBP,
    *,
    quality: int = 82,
    max_width: int | None = None,
    case: object = "",
) -> Verdict:
    """How an upload ends in a process of its own; AssertionError where that is not well.

    case: the name of one of several uploads, for the message.
    """
    verdict = _judge().judge(data, Options(format=to, quality=quality, max_width=max_width))
    found = faults(verdict, to)
    assert not found, "\n".join(f"{case} to {to}: {fault}" for fault in found)
    return verdict


def assert_outcomes(
    uploads: Iterable[tuple[object, bytes]], expected: set[str], to: ImageType = ImageType.WEBP
) -> None:
    """Requires of each named upload that it ends well, with one of the expected outcomes."""
    for name, data in uploads:
        outcome = end(data, to, case=name).outcome
        assert outcome in expected, f"{name}: {outcome}"
