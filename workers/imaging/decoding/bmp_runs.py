"""Run-length encoded bitmaps: RLE8 and RLE4."""

from workers.imaging.formats.bmp import RLE4, Header

_END_OF_LINE, _END, _MOVE = 0, 1, 2  # codes behind a count of 0; from 3 on: that many literals
_LONGEST = 255  # pixels of a run

_NIBBLES = [bytes((pair >> 4, pair & 15)) for pair in range(256)]  # the two pixels of a byte


def unpacked(data: bytes, head: Header) -> tuple[bytes, bytes]:
    """An index per pixel, row by row in the order of the file, and 255 where it was drawn, else 0.

    data: the runs alone. Runs are cut at the end of their row, as in browsers. Raises ValueError
    or IndexError where the data end before the last row does.
    """
    width, height = head.width, head.height
    is_short = head.packing == RLE4
    repeated = _repeated(is_short=is_short)
    pixels, drawn = bytearray(width * height), bytearray(b"\xff") * (width * height)
    at = x = y = 0
    whole = len(data) - 1
    while at < whole and y < height:
        count, code = data[at], data[at + 1]
        start, at = y * width + x, at + 2
        if count or code > _MOVE:
            if count:
                run = repeated[code][: min(count, width - x)]
            else:
                literals, used = _literals(data, at, code, is_short=is_short)
                run, at = literals[: width - x], at + used
            pixels[start : start + len(run)] = run
            x += len(run)
            continue
        if code == _MOVE:
            x, y, at = min(x + data[at], width), min(y + data[at + 1], height), at + 2
        else:
            x, y = 0, y + 1 if code == _END_OF_LINE else height
        drawn[start : y * width + x] = bytes(min(y * width + x, len(drawn)) - start)
    if y * width + x < len(drawn):
        raise ValueError("cut short")
    return bytes(pixels), bytes(drawn)


def _repeated(*, is_short: bool) -> list[bytes]:
    """By the code of a run: as many pixels of it as a run can have."""
    pairs = _NIBBLES if is_short else [bytes((code, code)) for code in range(256)]
    return [pair * (_LONGEST // 2 + 1) for pair in pairs]


def _literals(data: bytes, at: int, count: int, *, is_short: bool) -> tuple[bytes, int]:
    """The indexes of so many pixels, and the bytes that they take with their padding."""
    length = (count + 1) // 2 if is_short else count
    stored = data[at : at + length]
    if len(stored) < length:
        raise ValueError("cut short")
    run = b"".join(map(_NIBBLES.__getitem__, stored))[:count] if is_short else stored
    return run, length + (length & 1)
