"""The data types that api and workers share."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.imagetype import ImageType


class Encoding(StrEnum):
    """How an output got its pixels.

    `reencoded`: by a lossy encoder. `lossless`: every pixel of the processed image is exact.
    `original`: the upload's own coded pixels without its metadata; a new file was no smaller.
    """

    REENCODED = "reencoded"
    LOSSLESS = "lossless"
    ORIGINAL = "original"


class Effort(StrEnum):
    """How much CPU to spend for fewer bytes at the same quality, by the name in the setting."""

    FAST = "fast"
    BALANCED = "balanced"
    SMALL = "small"


class Position(StrEnum):
    """Where a watermark is placed: top, middle or bottom; left, centre or right."""

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
MAX_SIDE_PIXELS = 65_535  # that `maxWidth` and `maxHeight` may ask for


@dataclass(frozen=True)
class Watermark:
    """How a watermark is placed over an image; its PNG is passed separately.

    scale_percent: its width as a percentage of the base image's width, 5 to 50.
    opacity_percent: 0 (invisible) to 100 (as opaque as its own alpha channel).
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
    """What a model is asked to write about each image of a batch.

    alt_text, file_name: which of the two is wanted, at least one. context, keywords: the client's
    own words, which are data and never instructions.
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
    """The checked texts of one image; None where one was not wanted or is not available.

    stem: the file name without its extension, lower-case ASCII words joined by hyphens.
    """

    alt_text: str | None = None
    stem: str | None = None


@dataclass(frozen=True)
class Tokens:
    """Tokens that calls to the model took, as the provider counts and bills them.

    input: including those written to the provider's cache. cached: read from that cache.
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
    """What one batch asks for each of its images.

    quality: 40 to 100; png ignores it.
    max_width, max_height: pixels. The upright image is scaled down in proportion to fit; never up.
    description_request: None where no AI is asked for.

    Options are stored as JSON and are part of what an Idempotency-Key compares. So a value that is
    added later is left out of `to_json` at its default, and read with `row.get`: older rows have
    none, and a repeated request must not look like another one.
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
        mark, brief = row["watermark"], row.get("brief")  # rows from before AI have none
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
class Notice:
    """A warning to the client. index: of the image it is about; None for the whole batch."""

    code: str
    message: str
    index: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The warning as answers show it."""
        return {"index": self.index, "code": self.code, "message": self.message}


@dataclass(frozen=True)
class ImageRef:
    """Which image, of which batch and session."""

    image_id: UUID
    batch_id: UUID
    session_id: UUID


@dataclass(frozen=True)
class ClaimRef(ImageRef):
    """Which claim of which image.

    token: fences the commit, which counts only while the row still carries this token.
    """

    token: UUID


@dataclass(frozen=True)
class Claim(ClaimRef):
    """The right to work on one step of one image until the lease ends.

    is_retry: whether it makes another image again. attempt: of this step, from 1. memory_waits: how
    often it was held back for want of memory. preview_key: the preview's key in the store; None
    before the second step. lane: the queue for pixels that it came from. few_wait: whether more
    images should be sent to the workers, as few are left there.
    """

    account_id: int
    session_name: str
    index: int
    is_retry: bool
    attempt: int
    memory_waits: int
    original_size: int
    watermark_key: str | None
    preview_key: str | None
    options: Options
    lane: str | None
    few_wait: bool


@dataclass(frozen=True)
class Result:
    """The stored output of one image: `size` in bytes, `width` and `height` in pixels.

    preview_key: the preview's key in the store, when a description is asked for; preview_size: its
    bytes.
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
    preview_size: int = 0
