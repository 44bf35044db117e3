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
    repeated = [
        (_NIBBLES[code] if is_short else bytes((code, code))) * (_LONGEST // 2 + 1)
        for code in range(256)
    ]
    pixels: list[bytes] = []
    drawn = bytearray(b"\xff") * (width * height)
    at = x = y = 0
    whole = len(data) - 1
    while y < height:
        if at >= whole:
            if y == height - 1 and x == width:
                break
            raise ValueError("cut short")
        count, code = data[at], data[at + 1]
        at += 2
        if count:
            pixels.append(repeated[code][: min(count, width - x)])
        elif code > _MOVE:
            count = code
            run, used = _literals(data, at, count, is_short=is_short)
            pixels.append(run[: width - x])
            at += used
        else:
            start = y * width + x
            if code == _END_OF_LINE:
                x, y = 0, y + 1
            elif code == _END:
                x, y = 0, height
            else:
                x, y = min(x + data[at], width), y + data[at + 1]
                at += 2
            skipped = min(y * width + x, len(drawn)) - start
            pixels.append(bytes(skipped))
            drawn[start : start + skipped] = bytes(skipped)
            continue
        x = min(x + count, width)
    return b"".join(pixels), bytes(drawn)


def _literals(data: bytes, at: int, count: int, *, is_short: bool) -> tuple[bytes, int]:
    """The indexes of so many pixels, and the bytes that they take with their padding."""
    length = (count + 1) // 2 if is_short else count
    stored = data[at : at + length]
    if len(stored) < length:
        raise ValueError("cut short")
    run = b"".join(map(_NIBBLES.__getitem__, stored))[:count] if is_short else stored
    return run, length + (length & 1)
