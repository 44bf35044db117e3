"""Passthrough for animations: a WebP's own frames, if encoding them again would gain nothing."""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from PIL import Image

from shared.models import Encoding
from workers.imaging.animation import decode_webp
from workers.imaging.animation.frames import Frame
from workers.imaging.decoding.decode import DAMAGE
from workers.imaging.decoding.digest import pixel_digest
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.formats.probe import Probe
from workers.imaging.strip import strip


@dataclass
class OriginalAnimation:
    """An animated WebP that is asked for as WebP, and whose own frames may be the result.

    data: the whole file. plays: as in `Animation`. Of the frames only a digest is kept.
    """

    data: bytes
    probe: Probe
    plays: int
    _digest: Any = field(default_factory=blake2b)
    _is_unchanged: bool = True

    def record(self, frame: Frame, result: Image.Image, ms: int) -> None:
        """Notes a frame and its result; any change to image or time ends the candidacy.

        result: the very image of the frame if nothing was done to it. ms: its time in the result.
        """
        self._is_unchanged = self._is_unchanged and result is frame.image and ms == frame.ms
        if self._is_unchanged:
            _add(self._digest, frame)

    def or_smaller(self, new: Encoded) -> Encoded:
        """The upload without its metadata, or the new file if that is smaller.

        The stripped upload is decoded again and only used if frames, times and plays are still
        the same.
        """
        own = strip(self.data, self.probe.kind) if self._is_unchanged else None
        if own is None or len(own) > len(new.data) or not self._has_same_frames(own):
            return new
        return Encoded(own, Encoding.ORIGINAL)

    def _has_same_frames(self, own: bytes) -> bool:
        digest = blake2b()
        try:
            animation = decode_webp.read(own, self.probe)
            for frame in animation.frames:
                _add(digest, frame)
        except DAMAGE:
            return False
        return bool(animation.plays == self.plays and digest.digest() == self._digest.digest())


def _add(digest: Any, frame: Frame) -> None:
    digest.update(pixel_digest(frame.image) + frame.ms.to_bytes(4, "big"))
