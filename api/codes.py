"""Every code for programs: what it means and what a client does about it, in one place.

The OpenAPI document and the tables of codes in docs/api.md (`make api-tables`) are made from these;
tests/api/test_openapi.py finds a code of the service that has no line here, and a line of no code.
Texts are Markdown.
"""

from dataclasses import dataclass

from api.errors import CODE_AS_ERROR, status_of
from api.http_errors import CODES, SENTENCES
from shared import bodies, errors
from shared.errors import FluximageError, WarningCode


@dataclass(frozen=True)
class Refusal:
    """Why a request is not carried out.

    source: the class of the error, or the status of one that is found before a view runs.
    error: the sentence of the answer, or an example of it where `says` describes it.
    """

    source: type[FluximageError] | int
    status: int
    code: str
    error: str
    advice: str
    says: str | None = None
    code_as_error: bool = False

    @property
    def body(self) -> bodies.Error:
        """The answer's body."""
        if self.code_as_error:
            return {"error": self.code, "code": self.code, "message": self.error}
        return {"error": self.error, "code": self.code}

    @property
    def description(self) -> str:
        """What `error` is in the answer."""
        return self.says or f"`{self.body['error']}`"


@dataclass(frozen=True)
class Meaning:
    """What a code in `errors` or `warnings` means, and what a client does about it."""

    meaning: str
    advice: str


def _ours(kind: type[FluximageError], error: str, advice: str, says: str | None = None) -> Refusal:
    as_error = issubclass(kind, CODE_AS_ERROR)
    return Refusal(kind, status_of(kind) or 500, kind.code, error, advice, says, as_error)


def _http(status: int, advice: str) -> Refusal:
    return Refusal(status, status, CODES[status], SENTENCES[status], advice)


REFUSALS = (
    _ours(
        errors.TooManyFilesError,
        "Maximum 20 images allowed per batch",
        "send the rest in another batch",
    ),
    _ours(
        errors.FileTooLargeError,
        "File IMG_0001.JPG exceeds the 20MB limit",
        "send a smaller file",
        "`File <name> exceeds the 20MB limit`",
    ),
    _ours(
        errors.InvalidFieldError,
        "quality must be a whole number from 40 to 100, not '101'",
        "correct it",
        "a sentence with the name of the field, parameter or header, what is allowed and what came",
    ),
    _http(400, "correct the client"),
    _ours(
        errors.UnauthorizedError,
        "Unauthorized",
        "send a valid key: this one is missing, malformed, unknown or revoked",
    ),
    _ours(
        errors.PlanLimitError,
        "You have used 190 of the 200 images that the starter plan includes in a billing period; a"
        " batch of 20 does not fit.",
        "wait for the next billing period, or change the plan",
        "a sentence with the images used and the plan's limit",
    ),
    _ours(
        errors.AiNotAvailableError,
        errors.AiNotAvailableError().message,
        "the plan has no AI; send the batch without it, or change the plan",
    ),
    _ours(
        errors.NoCreditsError,
        errors.NoCreditsError().message,
        "buy AI credits, or send the batch without AI",
    ),
    _ours(
        errors.StorageLimitError,
        "This account stores 2.1 GB of the 2 GB that the free plan includes; delete sessions, or"
        " wait until their results expire.",
        "delete sessions that are not needed any more, or wait until their results expire",
        "a sentence with the bytes stored and the plan's limit",
    ),
    _ours(
        errors.NotFoundError,
        "There is no such session",
        "check the session id; a session of another account looks the same",
    ),
    _ours(
        errors.NotFoundError,
        "This session has no finished image to download",
        "wait until one has ended",
    ),
    _http(404, "see the table of calls"),
    _http(405, "see `Allow`"),
    _ours(
        errors.RequestTimeoutError,
        "The request body stopped arriving before it was complete; send the request again",
        "send it again",
    ),
    _http(408, "send it again"),
    _ours(
        errors.ConflictError,
        "Another request with this Idempotency-Key is being accepted; send this one again in a"
        " second",
        "try again after a second",
        "a sentence: another request with this `Idempotency-Key` is being accepted",
    ),
    _ours(
        errors.ConflictError,
        "Session spring-sale was cancelled; send this batch under another sessionId",
        "use another `sessionId`",
        "a sentence: the session was cancelled by a DELETE",
    ),
    _ours(
        errors.GoneError,
        "What these images were made of was deleted together with the results; send them again",
        "send the images again",
        "a sentence: what a retry needs was deleted with the results",
    ),
    _http(413, "send smaller batches"),
    _http(414, "shorten the URL"),
    _http(415, "do not compress the body"),
    _http(417, "leave it out"),
    Refusal(
        422,
        422,
        "all_failed",
        "No image could be processed",
        "read `errors`: this is a finished batch in which every image failed",
    ),
    _ours(
        errors.KeyReusedError,
        "This Idempotency-Key was used before with other files or options; use a new key",
        "use a new key for a new batch",
        "a sentence: the `Idempotency-Key` was used before with other files or options; `batch_id`"
        " is the batch that it made",
    ),
    _ours(
        errors.TooManyRequestsError,
        "Too many requests",
        "wait for `Retry-After`: whoever sends on before gets the answer late; also where the"
        " account, or all clients at one address, have too many uploads, streams or downloads at a"
        " time",
    ),
    _ours(
        errors.WorkLimitError,
        "The images of this account have taken all the CPU time that they may take in this hour",
        "wait for `Retry-After`, until the next hour begins",
    ),
    _http(431, "send fewer headers"),
    _http(500, "try again; the operator finds the cause in the log"),
    _http(501, "send a `Content-Length`"),
    _ours(
        errors.QueueFullError,
        "Your images have waited for too long; try again later",
        "wait for `Retry-After`",
    ),
    _ours(
        errors.UnavailableError,
        errors.DatabaseDownError().message,
        "wait for `Retry-After`",
        "a sentence: a server is down, the disk is full, too many clients upload, listen or"
        " download, or no AI provider is configured",
    ),
)

IMAGE_CODES = {
    errors.UnsupportedImageError.code: Meaning(
        "the file is not an image in a format that is read, or of a kind that is not: a camera raw,"
        " a TIFF in a rare compression, a HEIF file without a picture in HEVC; the message says"
        " which",
        "send one of the formats in the table of fields",
    ),
    errors.CorruptImageError.code: Meaning(
        "the file is empty, damaged or cut short", "send it again, or save it anew"
    ),
    errors.TooManyPixelsError.code: Meaning(
        "it has more pixels than the operator allows", "send a smaller image"
    ),
    errors.TooManyFramesError.code: Meaning(
        "its animation has more frames, or more pixels in all frames, than the operator allows",
        "shorten or scale the animation",
    ),
    errors.TooLargeForFormatError.code: Meaning(
        "a side of the result is longer than the format can hold",
        "send the `maxWidth` that the message suggests, or choose another format",
    ),
    errors.TooMuchWorkError.code: Meaning(
        "it would take more CPU or memory than one image may",
        "send the `maxWidth` or the format that the message suggests",
    ),
    errors.ImageError.code: Meaning(
        "it could not be processed: a fault of the service or its memory, a worker that ended"
        " several times, or a watermark that could not be decoded",
        "retry the session, then ask the operator",
    ),
    "cancelled": Meaning("its session was cancelled before it ended", "send it in another session"),
}

WARNINGS = {
    WarningCode.UNKNOWN_FIELD: Meaning(
        "a field with this name does not exist; it was ignored (from the 21st on, in one warning"
        " together)",
        "check its spelling; the warning names the field that was probably meant",
    ),
    WarningCode.WATERMARK_NOT_AVAILABLE: Meaning(
        "the plan has no watermarks; the watermark fields were ignored", "change the plan"
    ),
    WarningCode.ANIMATION_FLATTENED: Meaning(
        "only the first frame of an animation was used",
        "ask for webp or avif where the upload is a GIF or WebP",
    ),
    WarningCode.LARGER_THAN_ORIGINAL: Meaning(
        "the result has more bytes than the upload",
        "ask for another format or a lower quality, or keep the upload",
    ),
    WarningCode.FASTER_ENCODING: Meaning(
        "the image was encoded with less effort, since it might else take too much CPU or memory;"
        " it has the quality that was asked for, in more bytes",
        "ask for fewer pixels where bytes matter",
    ),
    WarningCode.RESULTS_EXPIRED: Meaning(
        "in the call of a webhook: the results were deleted before the receiver took the call",
        "send the images again, or have the receiver answer sooner",
    ),
    WarningCode.AI_UNAVAILABLE: Meaning(
        "no text: the provider is down or too slow, or refuses the operator's key",
        "retry the session later",
    ),
    WarningCode.AI_DECLINED: Meaning(
        "no text: the model refuses to describe this image", "write the text yourself"
    ),
    WarningCode.AI_ANSWER: Meaning(
        "the model's answer failed the checks twice; a text that passed is delivered",
        "retry the session, or send it with another `context` or `keywords`",
    ),
    WarningCode.AI_LIMIT: Meaning(
        "no text: the tokens of today (UTC) of the account or the service are used up",
        "retry the session tomorrow",
    ),
    WarningCode.AI_FAILED: Meaning("no text: an error of this service", "retry the session"),
}
