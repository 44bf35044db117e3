"""What the readers of AV1 and HEVC headers share: the bits of a header, and a budget of units."""


class Budget:
    """How many units of a bitstream may still be read, over all pieces of a file."""

    def __init__(self, units: int, name: str) -> None:
        """name: what the units are, in the plural."""
        self.left = units
        self._name = name

    def spend(self) -> None:
        """Count one; ValueError where there were too many."""
        self.left -= 1
        if self.left < 0:
            raise ValueError(f"too many {self._name}")


class Bits:
    """The bits of a header, read from its front; ValueError past its end."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        """The next `count` bits as a number, the first bit highest."""
        self._left -= count
        if self._left < 0:
            raise ValueError("cut short")
        return self._value >> self._left & ((1 << count) - 1)
