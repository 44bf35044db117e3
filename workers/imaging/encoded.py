"""What every encoder gives."""

from dataclasses import dataclass

from shared.models import Encoding


@dataclass(frozen=True)
class Encoded:
    """One file without metadata, and the road that was taken to it."""

    data: bytes
    encoding: Encoding
