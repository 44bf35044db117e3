"""What an encoder is asked for."""

from dataclasses import dataclass

from shared.models import Effort


@dataclass(frozen=True)
class EncoderSettings:
    """quality: ours, 40 to 100; png ignores it. effort: ignored by jpeg and by animated AVIF."""

    quality: int
    effort: Effort
