"""AV1: the size of a picture from its sequence and frame headers."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.imaging.formats.av1 import Budget, largest_frame

DELIMITER = b"\x12\0"


class Bits:
    """A header under construction: fields of AV1, most significant bit first."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, value: int, count: int) -> None:
        self.text += format(value, f"0{count}b") if count else ""

    def uvlc(self, value: int) -> None:
        length = (value + 1).bit_length()
        self.add(value + 1, 2 * length - 1)

    def done(self) -> bytes:
        text = self.text + "1"  # trailing_bits()
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")


def obu(kind: int, body: bytes, layer: tuple[int, int] | None = None, sized: bool = True) -> bytes:
    head = kind << 3 | (4 if layer else 0) | (2 if sized else 0)
    out = bytes([head]) + (bytes([layer[0] << 5 | layer[1] << 3]) if layer else b"")
    length = len(body)
    while sized:
        out += bytes([length & 127 | (128 if length > 127 else 0)])
        length >>= 7
        if not length:
            break
    return out + body


@dataclass(frozen=True)
class Sequence:
    """The fields that move the size about in a sequence header or in a frame's."""

    width: int = 300
    height: int = 200
    spare: int = 0  # bits in the fields of width and height above what they need
    reduced: bool = False
    timing: bool = False
    ticks: int | None = None  # num_ticks_per_picture_minus_1
    model: bool = False
    display: bool = False
    points: tuple[tuple[int, int], ...] = ((0, 5),)  # operating_point_idc, seq_level_idx
    frame_id: int = 0  # bits
    order_hint: int = 0  # bits
    screen_content: int = 2
    integer_mv: int = 2

    def lengths(self) -> tuple[int, int]:
        sides = (self.width - 1, self.height - 1)
        width, height = (min(16, max(1, side.bit_length()) + self.spare) for side in sides)
        return width, height

    def body(self) -> bytes:
        """sequence_header_obu(), section 5.5.1."""
        bits = Bits()
        bits.add(0, 3)
        bits.add(1, 1)
        bits.add(self.reduced, 1)
        if self.reduced:
            bits.add(5, 5)
        else:
            self._points(bits)
        wide, high = self.lengths()
        bits.add(wide - 1, 4)
        bits.add(high - 1, 4)
        bits.add(self.width - 1, wide)
        bits.add(self.height - 1, high)
        if not self.reduced:
            self._tools(bits)
        bits.add(0, 20)
        return bits.done()

    def _points(self, bits: Bits) -> None:
        bits.add(self.timing, 1)
        if self.timing:
            bits.add(0xFFFF, 64)
            bits.add(self.ticks is not None, 1)
            if self.ticks is not None:
                bits.uvlc(self.ticks)
            bits.add(self.model, 1)
            if self.model:
                bits.add(9, 5)
                bits.add(1, 32)
                bits.add(6, 5)
                bits.add(3, 5)
        bits.add(self.display, 1)
        bits.add(len(self.points) - 1, 5)
        for point, level in self.points:
            bits.add(point, 12)
            bits.add(level, 5)
            bits.add(1, 1 if level > 7 else 0)
            if self.timing and self.model:
                bits.add(1, 1)
                bits.add(0x155555, 21)
            if self.display:
                bits.add(0x1F, 5)

    def _tools(self, bits: Bits) -> None:
        bits.add(self.frame_id > 0, 1)
        if self.frame_id:
            bits.add(0, 4)
            bits.add(self.frame_id - 3, 3)
        bits.add(0x7F, 7)
        bits.add(self.order_hint > 0, 1)
        bits.add(3, 2 if self.order_hint else 0)
        for value in (self.screen_content, self.integer_mv)[: 2 if self.screen_content else 1]:
            bits.add(1, 1) if value == 2 else bits.add(value, 2)
        if self.order_hint:
            bits.add(self.order_hint - 1, 3)

    def frame(
        self, size: tuple[int, int] | None, kind: int = 0, shown: bool = True, spatial: int = 0
    ) -> bytes:
        """The start of uncompressed_header(), section 5.9.2; a size overrides the sequence's."""
        bits = Bits()
        bits.add(0, 1)
        bits.add(kind, 2)
        bits.add(shown, 1)
        if not shown:
            bits.add(1, 1)
        elif self.timing and self.model and self.ticks is None:
            bits.add(5, 4)
        if kind != 3 and not (kind == 0 and shown):
            bits.add(1, 1)  # error_resilient_mode
        bits.add(1, 1)
        bits.add(1, 1 if self.screen_content == 2 else 0)
        if self.screen_content:
            bits.add(0, 1 if self.integer_mv == 2 else 0)
        bits.add(0, self.frame_id)
        if kind != 3:
            bits.add(size is not None, 1)
        bits.add(1, self.order_hint)
        self._removal_times(bits, spatial)
        if not (kind == 0 and shown):
            bits.add(0x0F, 8)
            bits.add(0, 8 * self.order_hint)
        if size:
            for side, length in zip(size, self.lengths(), strict=True):
                bits.add(side - 1, length)
        bits.add(0x5555, 16)
        return bits.done()

    def _removal_times(self, bits: Bits, spatial: int) -> None:
        if self.timing and self.model:
            bits.add(1, 1)
            for point, _ in self.points:
                bits.add(0, 7 if not point or (point & 1 and point >> (8 + spatial) & 1) else 0)


sequences = st.builds(
    Sequence,
    width=st.integers(1, 65_536),
    height=st.integers(1, 65_536),
    spare=st.integers(0, 15),
    timing=st.booleans(),
    ticks=st.none() | st.integers(0, 2**32 - 2),
    model=st.booleans(),
    display=st.booleans(),
    points=st.lists(
        st.tuples(st.integers(0, 4095), st.integers(0, 31)), min_size=1, max_size=32
    ).map(tuple),
    frame_id=st.sampled_from([0, 3, 10]),
    order_hint=st.integers(0, 8),
    screen_content=st.integers(0, 2),
    integer_mv=st.integers(0, 2),
)


def largest(*obus: bytes) -> tuple[int, int] | None:
    return largest_frame(b"".join(obus), Budget())


@given(sequences, st.booleans())
def test_a_sequence_header_of_any_shape_has_its_size(sequence: Sequence, sized: bool) -> None:
    header = obu(1, sequence.body(), (2, 1), sized)
    assert largest(DELIMITER, header) == (sequence.width, sequence.height)


@given(st.integers(1, 65_536), st.integers(1, 65_536), st.integers(0, 15))
def test_a_reduced_header_has_its_size(width: int, height: int, spare: int) -> None:
    sequence = Sequence(width, height, spare, reduced=True)
    assert largest(obu(1, sequence.body()), obu(6, b"")) == (width, height)


@given(sequences, st.data(), st.sampled_from([(0, True), (0, False), (2, True), (2, False)]))
def test_a_frame_larger_than_its_sequence_counts(
    sequence: Sequence, data: st.DataObject, kind: tuple[int, bool]
) -> None:
    wide, high = (
        data.draw(st.integers(side, 1 << length))
        for side, length in zip((sequence.width, sequence.height), sequence.lengths(), strict=True)
    )
    frame = sequence.frame((wide, high), *kind, spatial=1)
    for number in (3, 6, 7):
        pieces = obu(1, sequence.body()), obu(number, frame, (0, 1))
        assert largest(*pieces) == (wide, high)


@given(sequences, st.integers(0, 2), st.booleans())
def test_a_frame_of_the_usual_size_changes_nothing(
    sequence: Sequence, kind: int, shown: bool
) -> None:
    frame = sequence.frame(None, kind, shown)
    assert largest(obu(1, sequence.body()), obu(6, frame)) == (sequence.width, sequence.height)


@pytest.mark.parametrize("kind", [1, 3])
def test_a_frame_that_may_take_its_size_from_another_counts_as_all_that_fits(kind: int) -> None:
    sequence = Sequence(300, 200, spare=3)
    assert largest(obu(1, sequence.body()), obu(6, sequence.frame((9, 9), kind))) == (4096, 2048)


def test_a_frame_shown_again_has_no_size_of_its_own() -> None:
    assert largest(obu(1, Sequence().body()), obu(3, b"\xf0")) == (300, 200)


def test_the_largest_of_several_sequence_headers_counts() -> None:
    sizes = [(20, 900), (700, 30), (50, 50)]
    assert largest(*(obu(1, Sequence(*size).body()) for size in sizes)) == (700, 900)


def test_without_a_sequence_header_there_is_no_size() -> None:
    assert largest(DELIMITER, obu(15, bytes(200))) is None


@pytest.mark.parametrize(
    "data",
    [
        obu(6, Sequence().frame(None)),
        obu(1, Sequence().body()[:6]),
        obu(1, Sequence().body()) + obu(6, b""),
        obu(1, Sequence().body()) + b"\x32\xff\xff\xff\xff\xff\xff\xff\xff\0",
        obu(1, b"\x04" + bytes(7) + b"\x02" + bytes(5) + b"\xff" * 600),
    ],
    ids=["frame first", "cut header", "empty frame", "long length", "endless number"],
)
def test_damage_raises_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        largest(data)


def test_a_budget_is_shared_by_the_pieces_of_a_file() -> None:
    budget = Budget()
    budget.left = 3
    assert largest_frame(DELIMITER * 2, budget) is None
    with pytest.raises(ValueError, match="too many"):
        largest_frame(DELIMITER * 2, budget)
