"""Samples out of the bytes of a TIFF's rows, where Pillow knows no raw mode for their layout.

No loop here runs over pixels: bytes are taken apart by slices, and added by whole images.
"""

from itertools import pairwise
from math import lcm

from PIL import Image, ImageChops

from workers.imaging.formats.tiff import FLOAT, PALETTE, SIGNED, Picture

_ONE_IF_ANY = [0] + [1] * 255


def samples_of(rows: Image.Image, width: int, picture: Picture) -> list[Image.Image]:
    """The samples of these rows, each an image of that width.

    rows: the bytes as a grey image. The images are L with the value's upper 8 bits (the index for a
    palette), I;16 with the bits of half-precision numbers, or F with the value itself for a single
    sample whose range its values tell.
    """
    columns = width * picture.together
    planes = _byte_planes(rows, columns, picture)
    size = (width, rows.height)
    parts = [plane.tobytes() for plane in planes]
    return [
        _value(size, [part[n :: picture.together] for part in parts], picture)
        for n in range(picture.together)
    ]


def _byte_planes(rows: Image.Image, columns: int, picture: Picture) -> list[Image.Image]:
    """The bytes of each sample, the most significant first, as images of that many columns."""
    if picture.bits % 8:
        return [_unpacked(rows, columns, picture)]
    count = picture.bits // 8
    if picture.predictor == 3:  # Technical Note 3: by bytes already, the most significant first
        sums = _running_sums(rows, picture.together)
        edges = pairwise(range(0, columns * count + 1, columns))
        return [sums.crop((left, 0, right, rows.height)) for left, right in edges]
    data = rows.tobytes()
    places = range(count) if picture.order == ">" else reversed(range(count))
    size = (columns, rows.height)
    planes = [Image.frombytes("L", size, data[place::count]) for place in places]
    return _wide_sums(planes, picture.together) if picture.predictor == 2 else planes


def _unpacked(rows: Image.Image, columns: int, picture: Picture) -> Image.Image:
    """Samples of 1 to 15 bits as bytes."""
    bits = picture.bits
    in_group = lcm(bits, 8) // 8  # bytes that hold a whole number of samples
    samples = in_group * 8 // bits
    groups = -(-columns // samples)
    data = rows.crop((0, 0, groups * in_group, rows.height)).tobytes()
    out = bytearray(groups * samples * rows.height)
    final = _scaled(bits, index=picture.photometric == PALETTE)
    for n in range(samples):
        at, shift = divmod(n * bits, 8)
        value = data[at::in_group].translate(bytes(v << shift & 255 for v in range(256)))
        if shift + bits > 8 and shift:
            lower = data[at + 1 :: in_group].translate(bytes(v >> 8 - shift for v in range(256)))
            value = _either(value, lower)
        out[n::samples] = value.translate(final)
    return Image.frombytes("L", (groups * samples, rows.height), out).crop(
        (0, 0, columns, rows.height)
    )


def _scaled(bits: int, *, index: bool) -> bytes:
    """By the eight bits where a sample begins: its index, or its value from 0 to 255."""
    if bits > 8:
        return bytes(range(256))
    values = (value >> 8 - bits for value in range(256))
    top = (1 << bits) - 1
    return bytes(value if index else value * 255 // top for value in values)


def _either(one: bytes, other: bytes) -> bytes:
    """The bits that are set in one of them."""
    both = int.from_bytes(one, "big") | int.from_bytes(other, "big")
    return both.to_bytes(len(one), "big")


def _running_sums(image: Image.Image, step: int) -> Image.Image:
    """Each byte and those at every `step` before it in its row, modulo 256; by doubling."""
    while step < image.width:
        before = image.crop((-step, 0, image.width - step, image.height))
        image = ImageChops.add_modulo(image, before)
        step *= 2
    return image


def _wide_sums(planes: list[Image.Image], step: int) -> list[Image.Image]:
    """The same for numbers of several bytes, the most significant first, with carries."""
    sums: list[Image.Image] = []
    carry = Image.new("L", planes[0].size)
    for plane in reversed(planes):
        addends = ImageChops.add_modulo(plane, carry)
        total = _running_sums(addends, step)
        # A sum that is less than what was added has passed 255.
        carry = ImageChops.add(_less(addends, plane), _less(total, addends))
        sums.insert(0, total)
    return sums


def _less(one: Image.Image, other: Image.Image) -> Image.Image:
    """1 where a byte of one is less than the other's, else 0."""
    return ImageChops.subtract(other, one).point(_ONE_IF_ANY)


def _value(size: tuple[int, int], parts: list[bytes], picture: Picture) -> Image.Image:
    """One sample from its bytes, the most significant first."""
    if picture.bits <= 8 or (picture.format not in (SIGNED, FLOAT) and not picture.is_wide):
        return Image.frombytes("L", size, parts[0])
    together = bytearray(len(parts) * len(parts[0]))
    for n, part in enumerate(parts):
        together[n :: len(parts)] = part
    if picture.bits == 16 and picture.format == FLOAT:
        return Image.frombytes("I;16", size, together, "raw", "I;16B")
    kind = {SIGNED: "S", FLOAT: "F"}.get(picture.format, "")
    value = Image.frombytes("F", size, together, "raw", f"F;{picture.bits}B{kind}")
    if picture.is_wide:
        return value
    white = 1 if picture.format == FLOAT else (1 << picture.bits - 1) - 1
    return value.point(lambda value: value * (255 / white) + 0.5).convert("L")
