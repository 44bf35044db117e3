"""Pixels that encoders find hard, or easy to mistake: what the search for the worst draws from.

All are made by a seeded generator, RGB or RGBA, 8 bits per channel.
"""

from collections.abc import Callable

import numpy
from PIL import Image, ImageDraw

_Shape = tuple[int, int]  # height, width
_Maker = Callable[[numpy.random.Generator, _Shape], numpy.ndarray]

_REPEAT_PIXELS = 20_000  # rows of 4 bits that repeat within deflate's window of 32 kB
_GLYPH = 7  # pixels


def make(name: str, width: int, height: int, seed: int) -> Image.Image:
    """Pixels of one kind of `KINDS`."""
    chance = numpy.random.default_rng(seed)
    return Image.fromarray(numpy.ascontiguousarray(KINDS[name](chance, (height, width))))


def _noise(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    return chance.integers(0, 256, (*shape, 3), dtype=numpy.uint8)


def _grey_noise(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    return numpy.repeat(chance.integers(0, 256, (*shape, 1), dtype=numpy.uint8), 3, axis=2)


def _extremes(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    return chance.integers(0, 2, (*shape, 3), dtype=numpy.uint8) * 255


def _black_white(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    bits = chance.integers(0, 2, (*shape, 1), dtype=numpy.uint8) * 255
    return numpy.repeat(bits, 3, axis=2)


def _repeated_rows(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    """Noise of 16 colours whose rows repeat, so that a PNG of it has few bytes."""
    palette = chance.integers(0, 256, (16, 3), dtype=numpy.uint8)
    rows = max(1, _REPEAT_PIXELS // shape[1])
    picks = chance.integers(0, 16, (rows, shape[1]))
    return palette[numpy.tile(picks, (-(-shape[0] // rows), 1))[: shape[0]]]


def _few_colours(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    palette = chance.integers(0, 256, (200, 3), dtype=numpy.uint8)
    return palette[chance.integers(0, 200, shape)]


def _hidden_chroma(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    """Noise in colour at almost one luma: taken for smooth."""
    red = chance.integers(0, 256, shape).astype(numpy.int32)
    blue = chance.integers(0, 256, shape).astype(numpy.int32)
    green = numpy.clip((128_000 - 299 * red - 114 * blue) // 587, 0, 255)
    return numpy.stack([red, green, blue], axis=2).astype(numpy.uint8)


def _half_flat(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    """Noise in 44 % of each row: taken for smooth."""
    pixels = _noise(chance, shape)
    pixels[:, : round(shape[1] * 0.56)] = 128
    return pixels


def _flat_samples(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    """Noise, but flat in the bands of rows that most estimates sample."""
    pixels = _noise(chance, shape)
    bands = max(1, 1_000_000 // (shape[1] * 32))
    for band in range(bands):
        top = (shape[0] - 32) * band // max(1, bands - 1)
        if bands * 32 < shape[0]:
            pixels[max(0, top) : top + 32] = 128
    return pixels


def _ramp(shape: _Shape) -> numpy.ndarray:
    rows, columns = numpy.mgrid[0 : shape[0], 0 : shape[1]]
    down, across = rows * 255.0 / max(1, shape[0]), columns * 255.0 / max(1, shape[1])
    return numpy.stack([down, across, 255 - (down + across) / 2], axis=2)


def _gradient(_chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    return _ramp(shape).astype(numpy.uint8)


def _dither(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    """A gradient in 8 colours, by noise."""
    return (_ramp(shape) > chance.integers(0, 255, (*shape, 3))).astype(numpy.uint8) * 255


def _ordered_dither(_chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    bayer = numpy.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) * 16 + 8
    tiled = numpy.tile(bayer, (shape[0] // 4 + 1, shape[1] // 4 + 1))[: shape[0], : shape[1]]
    return (_ramp(shape) > tiled[:, :, None]).astype(numpy.uint8) * 255


def _grain(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    return numpy.clip(_ramp(shape) + chance.normal(0, 12, (*shape, 3)), 0, 255).astype(numpy.uint8)


def _faint_grain(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    return numpy.clip(_ramp(shape) + chance.normal(0, 1.5, (*shape, 3)), 0, 255).astype(numpy.uint8)


def _flat(_chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    return numpy.full((*shape, 3), 90, numpy.uint8)


def _checker(_chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    rows, columns = numpy.mgrid[0 : shape[0], 0 : shape[1]]
    return numpy.repeat((((rows + columns) & 1) * 255).astype(numpy.uint8)[:, :, None], 3, axis=2)


def _blocks(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    """Plain squares of 4 pixels in random colours."""
    small = chance.integers(0, 256, (shape[0] // 4 + 1, shape[1] // 4 + 1, 3), dtype=numpy.uint8)
    return small.repeat(4, axis=0).repeat(4, axis=1)[: shape[0], : shape[1]]


def _text(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    page = Image.new("RGB", (shape[1], shape[0]), "white")
    draw = ImageDraw.Draw(page)
    for top in range(0, shape[0], 2 * _GLYPH):
        letters = "".join(map(chr, chance.integers(33, 126, shape[1] // 6 + 1)))
        colour: tuple[int, ...] = tuple(int(part) for part in chance.integers(0, 200, 3))
        draw.text((0, top), letters, fill=colour)
    return numpy.asarray(page)


def _lines(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
    """Thin coloured lines in all directions."""
    page = Image.new("RGB", (shape[1], shape[0]), "white")
    draw = ImageDraw.Draw(page)
    for _ in range(shape[0] * shape[1] // 2000 + 1):
        ends = chance.integers(0, max(shape), 4)
        colour: tuple[int, ...] = tuple(int(part) for part in chance.integers(0, 256, 3))
        left, top = int(ends[0]), int(ends[1])
        right, bottom = left + int(ends[2]) % 120 - 60, top + int(ends[3]) % 120 - 60
        draw.line((left, top, right, bottom), fill=colour)
    return numpy.asarray(page)


def _with_alpha(colour: _Maker, alpha: _Maker) -> _Maker:
    def maker(chance: numpy.random.Generator, shape: _Shape) -> numpy.ndarray:
        parts = colour(chance, shape), alpha(chance, shape)[:, :, :1]
        return numpy.concatenate(parts, axis=2)

    return maker


KINDS: dict[str, _Maker] = {
    "noise": _noise,
    "grey_noise": _grey_noise,
    "extremes": _extremes,
    "black_white": _black_white,
    "repeated_rows": _repeated_rows,
    "few_colours": _few_colours,
    "hidden_chroma": _hidden_chroma,
    "half_flat": _half_flat,
    "flat_samples": _flat_samples,
    "gradient": _gradient,
    "dither": _dither,
    "ordered_dither": _ordered_dither,
    "grain": _grain,
    "faint_grain": _faint_grain,
    "flat": _flat,
    "checker": _checker,
    "blocks": _blocks,
    "text": _text,
    "lines": _lines,
    "alpha_noise": _with_alpha(_noise, _grey_noise),
    "alpha_grain": _with_alpha(_grain, _grain),
    "alpha_on_flat": _with_alpha(_flat, _grey_noise),
    "alpha_repeated": _with_alpha(_repeated_rows, _repeated_rows),
    "alpha_flat": _with_alpha(_noise, _flat),
    "alpha_bits": _with_alpha(_few_colours, _black_white),
}
