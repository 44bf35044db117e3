"""Never larger, for animations: a WebP's own frames, where encoding them anew would win nothing."""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from PIL import Image

from shared.models import Encoding, Probe
from workers.imaging.animation import decode_webp
from workers.imaging.animation.frames import Frame
from workers.imaging.decoding.decode import DAMAGE
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.passthrough import look
from workers.imaging.strip import strip


@dataclass
class Original:
    """An animated WebP on its way to WebP, whose own frames may go out.

    data: the whole file. plays: as `Motion` has them. Of the frames a digest is kept.
    """

    data: bytes
    probe: Probe
    plays: int
    _seen: Any = field(default_factory=blake2b)
    _untouched: bool = True

    def follow(self, frame: Frame, finished: Image.Image, ms: int) -> None:
        """Note a frame and what it has become: any change to picture or time makes it another's.

        finished: the very image of the frame if nothing was done to it. ms: its time in the
        answer.
        """
        self._untouched = self._untouched and finished is frame.image and ms == frame.ms
        if self._untouched:
            _note(self._seen, frame)

    def or_smaller(self, new: Encoded) -> Encoded:
        """The upload without its metadata, or the new file where that is smaller.

        What goes out of the upload was decoded once more, and found to have the same frames for
        the same times, and as many plays.
        """
        own = strip(self.data, self.probe.kind) if self._untouched else None
        if own is None or len(own) > len(new.data) or not self._is_same(own):
            return new
        return Encoded(own, Encoding.ORIGINAL)

    def _is_same(self, own: bytes) -> bool:
        digest = blake2b()
        try:
            motion = decode_webp.read(own, self.probe)
            for frame in motion.frames:
                _note(digest, frame)
        except DAMAGE:
            return False
        return bool(motion.plays == self.plays and digest.digest() == self._seen.digest())


def _note(digest: Any, frame: Frame) -> None:
    digest.update(look(frame.image) + frame.ms.to_bytes(4, "big"))
