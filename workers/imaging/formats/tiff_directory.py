"""The directories of a TIFF and the numbers in their tags.

TIFF 6.0 (Adobe, 1992), section 2, and BigTIFF, whose counts and offsets have 64 bits.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

# The types of whole numbers, as codes of `struct`; IFD and IFD8 are offsets.
_WHOLE = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_SIZES = {2: 1, 5: 8, 7: 1, 10: 8, 11: 4, 12: 8} | {
    kind: struct.calcsize(code) for kind, code in _WHOLE.items()
}

_MAX_TAGS = 4_096  # a photograph or a map has 100


class _Entry(NamedTuple):
    """A tag's type, the number of its values, and where they are."""

    kind: int
    values: int
    at: int


class Layout(NamedTuple):
    """How numbers are stored: `<` or `>`, and the structs of counts and of offsets."""

    order: str
    counts: struct.Struct
    offsets: struct.Struct
    first: int

    @property
    def entry_size(self) -> int:
        return 4 + 2 * self.offsets.size


def layout_of(data: bytes) -> Layout:
    """The layout of a TIFF, and where its first directory begins; struct.error if it is cut."""
    big = data[2:4] in (b"+\0", b"\0+")
    order = "<" if data[:2] == b"II" else ">"
    counts, offsets = (struct.Struct(order + code) for code in ("QQ" if big else "HI"))
    return Layout(order, counts, offsets, offsets.unpack_from(data, 8 if big else 4)[0])


class Directory:
    """The tags of one directory. Of a tag that occurs twice, the last counts."""

    def __init__(self, data: bytes, layout: Layout, at: int) -> None:
        """Raises ValueError or struct.error if the directory is cut or has too many tags."""
        if at > len(data):
            raise ValueError("a directory outside of the file")
        count = layout.counts.unpack_from(data, at)[0]
        if count > _MAX_TAGS:
            raise ValueError("too many tags")
        self._data, self._order = data, layout.order
        self._entries: dict[int, _Entry] = {}
        first = at + layout.counts.size
        for start in range(first, first + count * layout.entry_size, layout.entry_size):
            tag, kind = struct.unpack_from(layout.order + "HH", data, start)
            values = layout.offsets.unpack_from(data, start + 4)[0]
            field = start + 4 + layout.offsets.size
            if _SIZES.get(kind, 1) * values > layout.offsets.size:
                field = min(len(data), layout.offsets.unpack_from(data, field)[0])
            self._entries[tag] = _Entry(kind, values, field)

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def numbers(self, tag: int, most: int) -> tuple[int, ...]:
        """The tag's whole numbers; () without the tag.

        Raises ValueError for more values than `most` or another type; struct.error if they are cut.
        """
        entry = self._entries.get(tag)
        if entry is None:
            return ()
        if entry.values > most or entry.kind not in _WHOLE:
            raise ValueError(f"tag {tag} has too many values, or no whole numbers")
        code = f"{self._order}{entry.values}{_WHOLE[entry.kind]}"
        return struct.unpack_from(code, self._data, entry.at)

    def number(self, tag: int, default: int) -> int:
        """The first of the tag's whole numbers; the default without the tag or a value."""
        entry = self._entries.get(tag)
        if entry is None or entry.values < 1:
            return default
        if entry.kind not in _WHOLE:
            raise ValueError(f"tag {tag} is no whole number")
        number: int = struct.unpack_from(self._order + _WHOLE[entry.kind], self._data, entry.at)[0]
        return number

    def copy(self, tag: int) -> tuple[int, int, bytes]:
        """The tag's type, the number of its values, and the values as stored, with 32 bits each
        where they have 64."""
        entry, content = self._entries[tag], self.content(tag)
        return entry.kind, entry.values, content

    def content(self, tag: int) -> bytes:
        """The tag's values as they are stored; empty without the tag, shorter if they are cut."""
        entry = self._entries.get(tag)
        if entry is None:
            return b""
        return self._data[entry.at : entry.at + entry.values * _SIZES.get(entry.kind, 1)]


def chain(data: bytes, layout: Layout, most: int) -> Iterator[int]:
    """Where each directory of the file begins, to the first that is cut; at most `most`."""
    seen: set[int] = set()
    at = layout.first
    while at and at not in seen and at + layout.counts.size <= len(data) and len(seen) < most:
        entries = layout.counts.unpack_from(data, at)[0]
        behind = at + layout.counts.size + entries * layout.entry_size
        if behind > len(data):
            return
        yield at
        seen.add(at)
        whole = behind + layout.offsets.size <= len(data)
        at = layout.offsets.unpack_from(data, behind)[0] if whole else 0


def first_number(data: bytes, layout: Layout, at: int) -> tuple[int, int]:
    """The first tag of a directory and its number, 0 if that is none; (0, 0) if it has no tags."""
    first = at + layout.counts.size
    if layout.counts.unpack_from(data, at)[0] == 0:
        return 0, 0
    tag, kind = struct.unpack_from(layout.order + "HH", data, first)
    code = {3: "H", 4: "I"}.get(kind)
    field = first + 4 + layout.offsets.size
    return tag, struct.unpack_from(layout.order + code, data, field)[0] if code else 0
