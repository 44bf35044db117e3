"""The nouns every room speaks of, and which image state may follow which."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.imagetype import ImageType


class Encoding(StrEnum):
    """The road by which an output got its pixels; the value is the API's word.

    REENCODED: a lossy encoder. LOSSLESS: every pixel of the finished picture, exactly.
    ORIGINAL: the upload's own coded pixels, without its metadata, as encoding anew won nothing.
    """

    REENCODED = "reencoded"
    LOSSLESS = "lossless"
    ORIGINAL = "original"


class Effort(StrEnum):
    """What CPU an operator gives for fewer bytes at the same look; the value is the setting's."""

    FAST = "fast"
    BALANCED = "balanced"
    SMALL = "small"


class Position(StrEnum):
    """Where a watermark lies: top, middle or bottom; left, centre or right."""

    TL = "TL"
    TC = "TC"
    TR = "TR"
    ML = "ML"
    MC = "MC"
    MR = "MR"
    BL = "BL"
    BC = "BC"
    BR = "BR"


MIN_SCALE_PERCENT, MAX_SCALE_PERCENT = 5, 50  # of the base image's width
MIN_QUALITY, MAX_QUALITY = 40, 100


@dataclass(frozen=True)
class Watermark:
    """How a watermark is laid over an image; its PNG travels beside this.

    scale_percent: its width in percent of the base image's width, 5 to 50.
    opacity_percent: 0 (invisible) to 100 (as opaque as its own alpha says).
    """

    scale_percent: int = 20
    opacity_percent: int = 80
    position: Position = Position.BR


class Language(StrEnum):
    """A language for alt texts and file names, by the name that clients send."""

    ENGLISH = "English"
    SPANISH = "Español"
    CATALAN = "Català"
    FRENCH = "Français"
    GERMAN = "Deutsch"
    ITALIAN = "Italiano"
    PORTUGUESE = "Português"
    DUTCH = "Nederlands"
    POLISH = "Polski"
    RUSSIAN = "Русский"
    CHINESE = "中文"
    JAPANESE = "日本語"
    KOREAN = "한국어"
    ARABIC = "Arabic"
    HINDI = "Hindi"


@dataclass(frozen=True)
class DescriptionRequest:
    """What a model is to write of each image of a batch.

    alt_text, file_name: which of the two is wanted, one at least. context, keywords: a client's
    own words, which nothing here may follow as orders.
    """

    alt_text: bool
    file_name: bool
    language: Language = Language.ENGLISH
    context: str = ""
    keywords: str = ""

    def to_json(self) -> dict[str, Any]:
        """The request as JSON values, for a row in Postgres."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "DescriptionRequest":
        """The inverse of `to_json`."""
        return cls(**row | {"language": Language(row["language"])})


@dataclass(frozen=True)
class Description:
    """What was written of one image, checked; None where it was not wanted or not to be had.

    stem: the file name without its extension, lower-case ASCII words joined by hyphens.
    """

    alt_text: str | None = None
    stem: str | None = None


@dataclass(frozen=True)
class Tokens:
    """What calls to the model took, as its provider counts and bills.

    input: with those written to the provider's cache. cached: those that were read from there.
    """

    input: int = 0
    cached: int = 0
    output: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(
            self.input + other.input, self.cached + other.cached, self.output + other.output
        )


@dataclass(frozen=True)
class Options:
    """What one batch asks of each of its images.

    quality: 40 to 100, ignored by png.
    max_width, max_height: a box in pixels that the upright image is scaled down into,
        in proportion; never up.
    description_request: None where no AI is asked for.
    """

    format: ImageType = ImageType.WEBP
    quality: int = 82
    max_width: int | None = None
    max_height: int | None = None
    watermark: Watermark | None = None
    description_request: DescriptionRequest | None = None

    def to_json(self) -> dict[str, Any]:
        """The options as JSON values, for a row in Postgres."""
        mark = self.watermark
        return {
            "format": self.format.value,
            "quality": self.quality,
            "max_width": self.max_width,
            "max_height": self.max_height,
            "watermark": mark
            and {
                "scale_percent": mark.scale_percent,
                "opacity_percent": mark.opacity_percent,
                "position": mark.position.value,
            },
            # "brief": its name in the rows, which statements in shared.db look for.
            "brief": self.description_request and self.description_request.to_json(),
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Options":
        """The inverse of `to_json`."""
        mark, brief = row["watermark"], row.get("brief")  # rows of before there was AI have none
        return cls(
            format=ImageType(row["format"]),
            quality=row["quality"],
            max_width=row["max_width"],
            max_height=row["max_height"],
            watermark=mark
            and Watermark(
                mark["scale_percent"], mark["opacity_percent"], Position(mark["position"])
            ),
            description_request=brief and DescriptionRequest.from_json(brief),
        )


@dataclass(frozen=True)
class Probe:
    """What an upload's header says of it; nothing was decoded.

    width, height: pixels as stored (before any EXIF orientation); the largest that a
        decoder would allocate where a file names several sizes.
    frames: pictures in the container, 1 for a still.
    progressive: a JPEG whose coefficients are all held while it is decoded.
    alpha: whether it may be transparent, told of PNG, WebP, AVIF and HEIC; for the estimate alone,
        so two probes are equal without it.
    """

    kind: ImageType
    width: int
    height: int
    frames: int
    progressive: bool = False
    alpha: bool = field(default=False, compare=False)

    @property
    def is_animated(self) -> bool:
        """Whether this is an animation that is read whole; of others the first frame is used."""
        return self.kind.facts.reads_animation and self.frames > 1

    def stays_animated(self, to: ImageType) -> bool:
        """Whether an output of that type is an animation too, and not just its first frame."""
        return self.is_animated and to.facts.writes_animation


class State(StrEnum):
    """Where an image stands between acceptance and its one end."""

    QUEUED = "queued"
    PROCESSING = "processing"
    OPTIMISED = "optimised"
    DESCRIBING = "describing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({State.DONE, State.FAILED, State.CANCELLED})

# Any state that has not ended may also end in FAILED or CANCELLED. A lost lease leads back
# (PROCESSING to QUEUED, DESCRIBING to OPTIMISED) so that another worker can claim the step.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.PROCESSING, State.FAILED, State.CANCELLED}),
    State.PROCESSING: frozenset(
        {State.QUEUED, State.OPTIMISED, State.DONE, State.FAILED, State.CANCELLED}
    ),
    State.OPTIMISED: frozenset({State.DESCRIBING, State.DONE, State.FAILED, State.CANCELLED}),
    State.DESCRIBING: frozenset({State.OPTIMISED, State.DONE, State.FAILED, State.CANCELLED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}


@dataclass(frozen=True)
class Notice:
    """Something a client should know though nothing failed; `index` None is the whole batch."""

    code: str
    message: str
    index: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As the contract shows it."""
        return {"index": self.index, "code": self.code, "message": self.message}


@dataclass(frozen=True)
class Held:
    """One image under the token of a claim.

    `token` fences the commit: it is accepted only while the row still carries this token.
    """

    image_id: UUID
    batch_id: UUID
    session_id: UUID
    token: UUID


@dataclass(frozen=True)
class Claim(Held):
    """The right to work on one step of one image until the lease ends.

    attempt: of this step, 1 at first. preview_key: what the model is shown; None before the
    second step.
    """

    account_id: int
    session_name: str
    index: int
    attempt: int
    original_size: int
    watermark_key: str | None
    preview_key: str | None
    options: Options


@dataclass(frozen=True)
class Result:
    """What one image became: `size` in bytes, `width` and `height` in pixels.

    preview_key: where the picture for the model is, when one is asked for.
    """

    format: ImageType
    width: int
    height: int
    size: int
    output_key: str
    watermarked: bool
    encoding: Encoding
    notices: tuple[Notice, ...] = ()
    preview_key: str | None = None
