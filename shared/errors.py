"""Every error of this service. Its `message` is public: clients read it as it stands, except
`NOT_AN_IMAGE`, which `shared/answers.py` replaces by the published sentence.

FluximageError
  ImageError                  one image ends in `failed`; code: processing_failed
    UnsupportedImageError       unsupported_image
    CorruptImageError           corrupt_image
    TooManyPixelsError          too_many_pixels
    TooManyFramesError          too_many_frames
    TooLargeForFormatError      too_large_for_format
    TooMuchWorkError            too_much_work
  DescriptionError            one image gets no text, and a warning; code: ai_failed
    AiUnreachableError          ai_unavailable
    AiAnswerError               ai_answer
    AiDeclinedError             ai_declined
    AiLimitError                ai_limit
  RequestRefusedError         the request is refused for what it asks; each has a status and a code:
    InvalidFieldError           400 invalid_field
      TooManyFilesError           400 too_many_files
      FileTooLargeError           400 file_too_large
    UnauthorizedError           401 unauthorized
    PlanLimitError              403 plan_limit
    AiNotAvailableError         403 ia_not_available (the published spelling)
    NoCreditsError              403 no_credits
    StorageLimitError           403 storage_limit
    NotFoundError               404 not_found
    RequestTimeoutError         408 request_timeout
    ConflictError               409 conflict
    GoneError                   410 gone
    KeyReusedError              422 idempotency_mismatch
  TooManyRequestsError        the request came too soon; 429 rate_limited
    WorkLimitError              429 work_limit
  UnavailableError            the request may succeed later; 503 unavailable
    QueueFullError              503 queue_full
    DatabaseDownError           503 unavailable
    StoreError                  503 unavailable
      ObjectMissingError          503 unavailable
    MemoryTakenError            inside a worker only
    AdmissionClosedError        inside a worker only
  OutboundError               an address that a client gave was not called; its caller says so:
    NotAllowedError             it may not be called
    CallFailedError             it did not answer; it may later
  OperatorError               a command fails; the command line only

An image that was cancelled has the code `cancelled`, which `shared/db/image_states.py` writes.

The statuses are set in api/errors.py; docs/api.md explains every code to clients.
"""

from enum import StrEnum
from uuid import UUID


class WarningCode(StrEnum):
    """The code of a warning, in `warnings` of an answer; the `ai_` codes are DescriptionErrors'."""

    UNKNOWN_FIELD = "unknown_field"
    WATERMARK_NOT_AVAILABLE = "watermark_not_available"
    ANIMATION_FLATTENED = "animation_flattened"
    LARGER_THAN_ORIGINAL = "larger_than_original"
    FASTER_ENCODING = "faster_encoding"
    RESULTS_EXPIRED = "results_expired"
    AI_FAILED = "ai_failed"
    AI_UNAVAILABLE = "ai_unavailable"
    AI_ANSWER = "ai_answer"
    AI_DECLINED = "ai_declined"
    AI_LIMIT = "ai_limit"


class FluximageError(Exception):
    """Any error that this service raises on purpose; `code` is its word for programs."""

    code = "internal"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


NOT_PROCESSED = "The image could not be processed"  # where nothing more is known
NOT_AN_IMAGE = "This file is not a supported image"  # how the message of such a file begins


class ImageError(FluximageError):
    """One image of a batch cannot be processed; `code` stands in the answer's `errors`.

    another_run_helps: whether the fault is ours or will pass, so that a retry takes the image.
    """

    code = "processing_failed"
    another_run_helps = True


class UnsupportedImageError(ImageError):
    """The file is not of a format that this service reads, or of a kind of it that is not read."""

    code = "unsupported_image"
    another_run_helps = False


class CorruptImageError(ImageError):
    """The file is of a format that this service reads, but it does not decode."""

    code = "corrupt_image"
    another_run_helps = False


class TooManyPixelsError(ImageError):
    """The header announces more pixels than the operator allows."""

    code = "too_many_pixels"
    another_run_helps = False


class TooManyFramesError(ImageError):
    """The header announces more frames than the operator allows."""

    code = "too_many_frames"
    another_run_helps = False


class TooLargeForFormatError(ImageError):
    """A side of the result is longer than the output format can hold."""

    code = "too_large_for_format"
    another_run_helps = False


class TooMuchWorkError(ImageError):
    """The image would take more CPU or memory than one may; the message says what would fit."""

    code = "too_much_work"
    another_run_helps = False


class DescriptionError(FluximageError):
    """An image ends without a text that was asked for; `code` is the warning's code.

    another_run_helps: whether a retry asks the model again.
    """

    code = WarningCode.AI_FAILED
    another_run_helps = True


class AiUnreachableError(DescriptionError):
    """The provider is down or too slow, or it refuses our key; or the circuit breaker is open."""

    code = WarningCode.AI_UNAVAILABLE


class AiAnswerError(DescriptionError):
    """The model's answer failed the checks twice."""

    code = WarningCode.AI_ANSWER


class AiDeclinedError(DescriptionError):
    """The provider or its model refuses to describe this image."""

    code = WarningCode.AI_DECLINED
    another_run_helps = False


class AiLimitError(DescriptionError):
    """A limit on AI, of the account or of the whole service, is used up.

    retry_after_seconds: until the limit per minute allows the next call; None where waiting
    does not help today.
    """

    code = WarningCode.AI_LIMIT

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


def codes_for_retry(kind: type[ImageError] | type[DescriptionError]) -> list[str]:
    """The codes of that kind of error which another run can help."""
    codes = {kind.code} if kind.another_run_helps else set()
    for below in kind.__subclasses__():
        codes.update(codes_for_retry(below))
    return sorted(codes)


class RequestRefusedError(FluximageError):
    """The request cannot be accepted as it is; sending it again does not help."""


class InvalidFieldError(RequestRefusedError):
    """A field, a parameter, a header or the body breaks the contract; the message names it."""

    code = "invalid_field"


class TooManyFilesError(InvalidFieldError):
    """The batch has more files than a batch may have."""

    code = "too_many_files"


class FileTooLargeError(InvalidFieldError):
    """A file is larger than a file may be."""

    code = "file_too_large"


class UnauthorizedError(RequestRefusedError):
    """The key is missing, malformed, unknown or revoked; the four cases get the same answer."""

    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class PlanLimitError(RequestRefusedError):
    """The batch has more images than the plan has left in this billing period."""

    code = "plan_limit"


class AiNotAvailableError(RequestRefusedError):
    """The batch asks for AI on a plan without AI."""

    code = "ia_not_available"

    def __init__(self) -> None:
        super().__init__("AI features require a paid plan. Upgrade to Starter or higher.")


class NoCreditsError(RequestRefusedError):
    """The batch needs more AI credits than the account has left."""

    code = "no_credits"

    def __init__(self) -> None:
        super().__init__(
            "You have used all your AI credits this month. Purchase a top-up to continue."
        )


class StorageLimitError(RequestRefusedError):
    """The account's originals and results fill the storage that its plan has."""

    code = "storage_limit"


class NotFoundError(RequestRefusedError):
    """The account has nothing of that name."""

    code = "not_found"


class RequestTimeoutError(RequestRefusedError):
    """The client stopped sending before its body was complete."""

    code = "request_timeout"


class ConflictError(RequestRefusedError):
    """A request with the same Idempotency-Key is under way, or the session was cancelled."""

    code = "conflict"


class GoneError(RequestRefusedError):
    """What the request needs was deleted, as was announced."""

    code = "gone"


class KeyReusedError(RequestRefusedError):
    """An Idempotency-Key was used again with other files or options; `batch_id` is its batch."""

    code = "idempotency_mismatch"

    def __init__(self, batch_id: UUID) -> None:
        super().__init__(
            "This Idempotency-Key was used before with other files or options; use a new key"
        )
        self.batch_id = batch_id


class TooManyRequestsError(FluximageError):
    """The account, or the address that sends refused keys, is past its limit."""

    code = "rate_limited"

    def __init__(self, retry_after_seconds: int, message: str = "Too many requests") -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class WorkLimitError(TooManyRequestsError):
    """The account's images have taken all the CPU that they may take in this hour."""

    code = "work_limit"


class UnavailableError(FluximageError):
    """The service cannot do this now; the same request may succeed later."""

    code = "unavailable"

    def __init__(self, message: str, retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class QueueFullError(UnavailableError):
    """Images wait so long already that no more are accepted."""

    code = "queue_full"


class DatabaseDownError(UnavailableError):
    """Postgres failed or did not answer; no image is at fault, so no attempt counts."""

    def __init__(self) -> None:
        super().__init__("The database is not available, try again shortly")


class StoreError(UnavailableError):
    """The object store failed or did not answer. reason: for the operator, a line that says why."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class ObjectMissingError(StoreError):
    """The object is not in the store; trying again does not bring it back."""


class MemoryTakenError(UnavailableError):
    """The images in work on this machine leave no memory for another one.

    needed_bytes: what it needs.
    """

    def __init__(self, needed_bytes: int) -> None:
        super().__init__("The images in work leave no memory for another one")
        self.needed_bytes = needed_bytes


class AdmissionClosedError(UnavailableError):
    """No image can be admitted on this machine. reason: for the operator, without a path."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The folder for memory admission cannot be used: {reason}")
        self.reason = reason


class OutboundError(FluximageError):
    """An address that a client gave was not called, or did not answer; see `shared/outbound`."""


class NotAllowedError(OutboundError):
    """The address itself may not be called, so no later try can help."""


class CallFailedError(OutboundError):
    """No answer, or none that can be used; a later try may get one."""


class OperatorError(FluximageError):
    """A command of the operator cannot be carried out."""
