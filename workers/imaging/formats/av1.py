"""The largest frame that a piece of AV1 makes its decoder allocate, from its headers alone.

Sections are those of the AV1 Bitstream & Decoding Process Specification, version 1.0.0 with
Errata 1. Names of fields are the specification's, shortened.
"""

from dataclasses import dataclass

from workers.imaging.formats.bits import Bits
from workers.imaging.formats.bits import Budget as UnitBudget

Buffer = bytes | memoryview
Size = tuple[int, int]  # width, height

_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME, _REDUNDANT_FRAME_HEADER = 1, 3, 6, 7  # obu_type, 6.2.2
_KEY, _INTER, _SWITCH = 0, 1, 3  # frame_type, 6.8.2
_CHOOSE = 2  # SELECT_SCREEN_CONTENT_TOOLS and SELECT_INTEGER_MV, section 3: each frame chooses
_MAX_HEADER = 1024  # bytes; 32 operating points make the longest one 400
_MAX_OBUS = 20_000  # in one file; a grid of 1,000 tiles has 3,000


class Budget(UnitBudget):
    """How many OBUs may still be read, over all pieces of a file.

    pixels: of all frames met so far; a decoder makes each of them, whether it is shown or not.
    """

    def __init__(self) -> None:
        super().__init__(_MAX_OBUS, "OBUs")
        self.pixels = 0


class _Bits(Bits):
    """The bits of a header; `read` is f(n) of section 4.10.2."""

    def __init__(self, data: memoryview) -> None:
        super().__init__(data[:_MAX_HEADER])

    def flag(self) -> bool:
        return self.read(1) == 1

    def skip_uvlc(self) -> None:
        """uvlc() of section 4.10.3; 32 zeros or more are not allowed here (6.4.3)."""
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros == 32:
                raise ValueError("a number too large")
        self.read(zeros)


@dataclass
class _Sequence:
    """What a sequence header says of how its frames are read; lengths are in bits."""

    reduced: bool = False
    delay_length: int | None = None  # of frame_presentation_time, where frames carry it
    removal_lengths: tuple[tuple[int, int], ...] | None = None  # operating point and length
    width_length: int = 0
    height_length: int = 0
    width: int = 0
    height: int = 0
    frame_id_length: int = 0
    screen_content: int = _CHOOSE
    integer_mv: int = _CHOOSE
    order_hint_length: int = 0


def largest_frame(data: Buffer, budget: Budget) -> Size | None:
    """Width and height in pixels of the largest frame, or None without a sequence header.

    A decoder applies the last sequence header it met, and a frame may override its size, so all
    of them are read. Raises ValueError where one breaks off. Bytes may be missing at the end of
    the last OBU, since its header is in front.
    """
    view = memoryview(data)
    sequence = None
    width = height = at = 0
    while at < len(view):
        budget.spend()
        kind, layer, at, end = _obu(view, at)
        if kind == _SEQUENCE_HEADER:
            sequence = _sequence_header(_Bits(view[at:end]))
            wide, high = sequence.width, sequence.height
        elif kind in (_FRAME_HEADER, _FRAME, _REDUNDANT_FRAME_HEADER):
            if sequence is None:
                raise ValueError("a frame before any sequence header")
            wide, high = _frame_size(_Bits(view[at:end]), sequence, layer)
            budget.pixels += wide * high
        else:
            wide = high = 0
        width, height = max(width, wide), max(height, high)
        at = end
    return (width, height) if sequence else None


def _obu(data: memoryview, at: int) -> tuple[int, tuple[int, int], int, int]:
    """Sections 5.3.1 to 5.3.3: type, temporal and spatial layer, start and end of the body."""
    head = data[at]
    at += 1
    layer = (0, 0)
    if head & 4:  # obu_extension_flag
        layer = data[at] >> 5, data[at] >> 3 & 3
        at += 1
    if not head & 2:  # obu_has_size_field
        return head >> 3 & 15, layer, at, len(data)
    length = 0
    for shift in range(0, 56, 7):  # leb128(), section 4.10.5
        byte = data[at]
        at += 1
        length |= (byte & 127) << shift
        if byte < 128:
            return head >> 3 & 15, layer, at, at + length
    raise ValueError("a length too long")


def _sequence_header(bits: _Bits) -> _Sequence:
    """sequence_header_obu() of section 5.5.1, up to seq_force_integer_mv and order hints."""
    found = _Sequence()
    bits.read(4)  # seq_profile, still_picture
    found.reduced = bits.flag()
    if found.reduced:
        bits.read(5)  # seq_level_idx
    else:
        _operating_points(bits, found)
    found.width_length, found.height_length = bits.read(4) + 1, bits.read(4) + 1
    found.width = bits.read(found.width_length) + 1
    found.height = bits.read(found.height_length) + 1
    if found.reduced:
        return found
    if bits.flag():  # frame_id_numbers_present_flag
        found.frame_id_length = bits.read(4) + 2 + bits.read(3) + 1
    bits.read(3)  # use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    bits.read(4)  # interintra and masked compounds, warped motion, dual filter
    order_hint = bits.flag()
    if order_hint:
        bits.read(2)  # enable_jnt_comp, enable_ref_frame_mvs
    found.screen_content = _CHOOSE if bits.flag() else bits.read(1)
    if found.screen_content:
        found.integer_mv = _CHOOSE if bits.flag() else bits.read(1)
    if order_hint:
        found.order_hint_length = bits.read(3) + 1
    return found


def _operating_points(bits: _Bits, found: _Sequence) -> None:
    """The part of section 5.5.1 between reduced_still_picture_header and the frame size."""
    model = False
    delay = removal = 0
    if bits.flag():  # timing_info(), section 5.5.3
        bits.read(64)
        equal_intervals = bits.flag()
        if equal_intervals:
            bits.skip_uvlc()
        model = bits.flag()
        if model:  # decoder_model_info(), section 5.5.4
            delay = bits.read(5) + 1
            bits.read(32)
            removal = bits.read(5) + 1
            presentation = bits.read(5) + 1
            found.delay_length = None if equal_intervals else presentation
    display_delays = bits.flag()
    removals = []
    for _ in range(bits.read(5) + 1):
        point = bits.read(12)
        if bits.read(5) > 7:  # seq_level_idx
            bits.read(1)
        if model and bits.flag():  # operating_parameters_info(), section 5.5.5
            bits.read(2 * delay + 1)
            removals.append((point, removal))
        if display_delays and bits.flag():
            bits.read(4)
    found.removal_lengths = tuple(removals) if model else None


def _frame_size(bits: _Bits, sequence: _Sequence, layer: tuple[int, int]) -> Size:
    """uncompressed_header() of section 5.9.2, up to frame_size(); zeros if none is decoded."""
    usual = sequence.width, sequence.height
    if sequence.reduced:
        return usual
    if bits.flag():  # show_existing_frame
        return 0, 0
    # Such a frame may repeat the size of an earlier one, or name it behind much else: the largest
    # size that its bits can hold is assumed.
    any_size = 1 << sequence.width_length, 1 << sequence.height_length
    kind, shown = bits.read(2), bits.flag()
    if kind == _SWITCH:
        return any_size
    if not shown:
        bits.read(1)  # showable_frame
    elif sequence.delay_length:
        bits.read(sequence.delay_length)
    resilient = (kind == _KEY and shown) or bits.flag()
    bits.read(1)  # disable_cdf_update
    screen_content = bits.read(1) if sequence.screen_content == _CHOOSE else sequence.screen_content
    if screen_content and sequence.integer_mv == _CHOOSE:
        bits.read(1)
    bits.read(sequence.frame_id_length)
    if not bits.flag():  # frame_size_override_flag
        return usual
    if kind == _INTER:
        return any_size
    bits.read(sequence.order_hint_length)
    _skip_removal_times(bits, sequence, layer)
    refreshes = 0xFF if kind == _KEY and shown else bits.read(8)
    if refreshes != 0xFF and resilient:
        bits.read(8 * sequence.order_hint_length)
    return bits.read(sequence.width_length) + 1, bits.read(sequence.height_length) + 1


def _skip_removal_times(bits: _Bits, sequence: _Sequence, layer: tuple[int, int]) -> None:
    """buffer_removal_time of each operating point that this layer is in, section 5.9.2."""
    if sequence.removal_lengths is None or not bits.flag():
        return
    temporal, spatial = layer
    for point, length in sequence.removal_lengths:
        if not point or (point >> temporal & 1 and point >> (spatial + 8) & 1):
            bits.read(length)
