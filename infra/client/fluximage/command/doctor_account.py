"""What the doctor sees with a key: the plan, and one image on its way through."""

import struct
import time
import zlib

from fluximage.answers import Image
from fluximage.client import Client
from fluximage.command.finding import Finding
from fluximage.command.screen import sentence_of
from fluximage.command.usage import account_of, lines
from fluximage.command.words import duration, size
from fluximage.errors import FluximageError, Unauthorized
from fluximage.options import Options
from fluximage.sources import Source

SIDE = 96


def plan(client: Client) -> Finding:
    """Whether the key is known, whose it is, and what its plan has left."""
    try:
        usage, account = client.usage(), account_of(client)
    except Unauthorized as error:
        return Finding.wrong(
            "account", error.message, "Check FLUXIMAGE_API_KEY, --key-file, or the profile."
        )
    except FluximageError as error:
        return Finding.wrong("account", sentence_of(error), "Try again; else ask the operator.")
    told = "; ".join(lines(usage, account))
    if not usage.can_compress:
        return Finding.wrong("account", told, "Wait for the next period, or ask for a larger plan.")
    return Finding.ok("account", told)


def one_image(client: Client) -> tuple[Image | None, Finding]:
    """Sends a small PNG; returns what it became, if anything, and what there is to say."""
    since = time.monotonic()
    try:
        source = Source(picture(), "doctor.png")
        batch = client.send([source], Options(format="webp"), wait_seconds=None)
    except FluximageError as error:
        return None, Finding.wrong(
            "image", sentence_of(error), "Do what it says; else the operator."
        )
    seconds = time.monotonic() - since
    if batch.images:
        image = batch.images[0]
        sizes = f"{size(image.original_size)} → {size(image.compressed_size)}"
        return image, Finding.ok(
            "image", f"one PNG became {image.format}, {sizes}, in {duration(seconds)}"
        )
    if batch.errors:
        message = batch.errors[0].message
        return None, Finding.wrong("image", message, "The operator: the logs of the workers.")
    return None, Finding.wrong(
        "image",
        f"it was accepted, and is not done after {duration(seconds)} (session {batch.session_id})",
        "Many images may wait, or no worker runs: ask the operator.",
    )


def picture() -> bytes:
    """A PNG of SIDE × SIDE pixels in slowly changing colours (PNG third edition, 11.2)."""
    rows = b"".join(
        b"\0" + bytes(value for x in range(SIDE) for value in (2 * x, 2 * y, 255 - x - y))
        for y in range(SIDE)
    )
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    pieces = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in pieces
    )
