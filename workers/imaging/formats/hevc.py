"""The picture that a piece of HEVC makes its decoder allocate, from its headers alone.

Sections are those of ITU-T H.265 (V10, 07/2024). Names of fields are the standard's, shortened.
"""

from collections.abc import Iterator

from workers.imaging.formats.bits import Bits, Budget
from workers.imaging.formats.isobmff import Buffer, Size

_SPS = 33  # nal_unit_type, table 7-1
_IDR = (19, 20)
_NOTHING = 63  # a type without a meaning
_PARAMETERS = 32  # from here on; below are the slices of pictures
_MAX_HEADER = 512  # bytes of an SPS that are read; its size stands within the first 120
_MAX_NALS = 20_000  # in one file; a grid of 1,000 tiles has 2,000


def new_budget() -> Budget:
    """How many NAL units may be read, over all pieces of a file."""
    return Budget(_MAX_NALS, "NAL units")


class _Bits(Bits):
    """The bits of a header; `read` is u(n) of section 7.2."""

    def golomb(self) -> int:
        """ue(v) of section 9.2; a number of more than 32 bits is not allowed here."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros == 32:
                raise ValueError("a number too large")
        return (1 << zeros) - 1 + self.read(zeros)


def configured(record: memoryview, budget: Budget) -> Iterator[Size]:
    """The size of each SPS in an hvcC box, ISO/IEC 14496-15, 8.3.3.1.2.

    Raises ValueError where it breaks off, or where lengths of NAL units do not have four bytes:
    all encoders write four, and decoders differ in whether they accept another number.
    """
    if record[0] != 1 or record[21] & 3 != 3:
        raise ValueError("not a version or length that is written")
    at = 23
    for _ in range(record[22]):
        count = int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            budget.spend()
            length = int.from_bytes(record[at : at + 2], "big")
            at += 2 + length
            if at > len(record):
                raise ValueError("cut short")
            unit = record[at - length : at]
            if _kind(unit) < _PARAMETERS:
                raise ValueError("a picture where only parameters may be")
            yield from _sps_sizes(unit)


def picture(data: Buffer, budget: Budget) -> Iterator[Size]:
    """The size of each SPS that stands beside the one picture of an item; mostly there is none.

    libde265 applies them like those of hvcC. Raises ValueError where the item is not one IDR
    picture, as HEIF demands (ISO/IEC 23008-12, B.2.2): a decoder would hold up to 17 pictures of a
    longer stream, and makes up missing ones that a picture of another type may refer to.
    """
    view = memoryview(data)
    at = pictures = 0
    while at < len(view):
        budget.spend()
        length = int.from_bytes(view[at : at + 4], "big")
        unit = view[at + 4 : at + 4 + length]
        at += 4 + length
        kind = _kind(unit)
        yield from _sps_sizes(unit)
        if kind < _PARAMETERS:
            if kind not in _IDR:
                raise ValueError("a picture that refers to others")
            pictures += unit[2] >> 7  # first_slice_segment_in_pic_flag, section 7.3.6.1
    if pictures != 1:
        raise ValueError("not one picture")


def _kind(unit: memoryview) -> int:
    """nal_unit_type, section 7.3.1.2, of any layer: libde265 applies the SPS of each."""
    return unit[0] >> 1 & 63 if len(unit) > 2 else _NOTHING


def _sps_sizes(unit: memoryview) -> Iterator[Size]:
    """The size in an SPS, before any cropping, since that is what a decoder allocates."""
    if _kind(unit) == _SPS:
        # Section 7.3.1.1: emulation_prevention_three_byte goes first.
        plain = bytes(unit[:_MAX_HEADER]).replace(b"\0\0\3", b"\0\0")
        yield _sps_size(_Bits(plain[2:]))


def _sps_size(bits: _Bits) -> Size:
    """seq_parameter_set_rbsp() of section 7.3.2.2.1, up to pic_height_in_luma_samples."""
    bits.read(4)  # sps_video_parameter_set_id
    layers = bits.read(3)  # sps_max_sub_layers_minus1
    if layers == 7:
        raise ValueError("too many layers")
    bits.read(1)  # sps_temporal_id_nesting_flag
    _skip_profile(bits, layers)
    bits.golomb()  # sps_seq_parameter_set_id
    if bits.golomb() == 3:  # chroma_format_idc
        bits.read(1)  # separate_colour_plane_flag
    return bits.golomb(), bits.golomb()


def _skip_profile(bits: _Bits, layers: int) -> None:
    """profile_tier_level() of section 7.3.3."""
    bits.read(88)  # profile and constraints
    bits.read(8)  # general_level_idc
    present = [(bits.read(1), bits.read(1)) for _ in range(layers)]
    if layers:
        bits.read(2 * (8 - layers))
    for profile, level in present:
        bits.read(88 * profile + 8 * level)
