"""Every error of this service. Its `message` is public: clients read it as it stands, except that
of an unsupported image, which `api/responses.py` replaces by the published sentence.

FluximageError
  ImageError                  one image ends in `failed`; code: processing_failed
    UnsupportedImageError       unsupported_image
    CorruptImageError           corrupt_image
    TooManyPixelsError          too_many_pixels
    TooManyFramesError          too_many_frames
    TooLargeForFormatError      too_large_for_format
  DescriptionError            one image gets no text, and a warning; code: ai_failed
    AiUnreachableError          ai_unavailable
    AiAnswerError               ai_answer
    AiDeclinedError             ai_declined
    AiLimitError                ai_limit
  RequestRefusedError         the request is refused because of what it asks, with a status:
    InvalidFieldError           400
    UnauthorizedError           401
    PlanLimitError              403
    AiNotAvailableError         403 ia_not_available (the published spelling)
    NoCreditsError              403 no_credits
    NotFoundError               404
    RequestTimeoutError         408
    ConflictError               409
    KeyReusedError              422
  TooManyRequestsError        the request came too soon; 429
  UnavailableError            the request may succeed later; 503
    StoreError                  503
      ObjectMissingError          503
    MemoryTakenError            inside a worker only
  OperatorError               a command fails; the command line only

An image that was cancelled has the code `cancelled`, which `shared/db/image_states.py` writes.

The statuses are set in api/errors.py; docs/api.md explains every code to clients.
"""

from enum import StrEnum


class WarningCode(StrEnum):
    """The code of a warning, in `warnings` of an answer; the `ai_` codes are DescriptionErrors'."""

    UNKNOWN_FIELD = "unknown_field"
    WATERMARK_NOT_AVAILABLE = "watermark_not_available"
    ANIMATION_FLATTENED = "animation_flattened"
    LARGER_THAN_ORIGINAL = "larger_than_original"
    AI_FAILED = "ai_failed"
    AI_UNAVAILABLE = "ai_unavailable"
    AI_ANSWER = "ai_answer"
    AI_DECLINED = "ai_declined"
    AI_LIMIT = "ai_limit"


class FluximageError(Exception):
    """Any error that this service raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


NOT_PROCESSED = "The image could not be processed"  # where nothing more is known


class ImageError(FluximageError):
    """One image of a batch cannot be processed; `code` stands in the answer's `errors`."""

    code = "processing_failed"


class UnsupportedImageError(ImageError):
    """The file is not of a format that this service reads."""

    code = "unsupported_image"


class CorruptImageError(ImageError):
    """The file is of a format that this service reads, but it does not decode."""

    code = "corrupt_image"


class TooManyPixelsError(ImageError):
    """The header announces more pixels than the operator allows."""

    code = "too_many_pixels"


class TooManyFramesError(ImageError):
    """The header announces more frames than the operator allows."""

    code = "too_many_frames"


class TooLargeForFormatError(ImageError):
    """A side of the result is longer than the output format can hold."""

    code = "too_large_for_format"


class DescriptionError(FluximageError):
    """An image ends without a text that was asked for; `code` is the warning's code."""

    code = WarningCode.AI_FAILED


class AiUnreachableError(DescriptionError):
    """The provider is down or too slow, or it refuses our key; or the circuit breaker is open."""

    code = WarningCode.AI_UNAVAILABLE


class AiAnswerError(DescriptionError):
    """The model's answer failed the checks twice."""

    code = WarningCode.AI_ANSWER


class AiDeclinedError(DescriptionError):
    """The provider or its model refuses to describe this image."""

    code = WarningCode.AI_DECLINED


class AiLimitError(DescriptionError):
    """A limit on AI, of the account or of the whole service, is used up.

    retry_after_seconds: until the limit per minute allows the next call; None where waiting
    does not help today.
    """

    code = WarningCode.AI_LIMIT

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RequestRefusedError(FluximageError):
    """The request cannot be accepted as it is; sending it again does not help."""


class InvalidFieldError(RequestRefusedError):
    """A field, a parameter, a header or the body breaks the contract; the message names it."""


class UnauthorizedError(RequestRefusedError):
    """The key is missing, malformed, unknown or revoked; the four cases get the same answer."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class PlanLimitError(RequestRefusedError):
    """The batch has more images than the plan has left in this billing period."""


class AiNotAvailableError(RequestRefusedError):
    """The batch asks for AI on a plan without AI."""

    def __init__(self) -> None:
        super().__init__("AI features require a paid plan. Upgrade to Starter or higher.")


class NoCreditsError(RequestRefusedError):
    """The batch needs more AI credits than the account has left."""

    def __init__(self) -> None:
        super().__init__(
            "You have used all your AI credits this month. Purchase a top-up to continue."
        )


class NotFoundError(RequestRefusedError):
    """The account has nothing of that name."""


class RequestTimeoutError(RequestRefusedError):
    """The client stopped sending before its body was complete."""


class ConflictError(RequestRefusedError):
    """A request with the same Idempotency-Key is under way, or the session was cancelled."""


class KeyReusedError(RequestRefusedError):
    """An Idempotency-Key was used again with other files or options."""


class TooManyRequestsError(FluximageError):
    """The account, or the address that sends refused keys, is past its limit."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("Too many requests")
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(FluximageError):
    """The service cannot do this now; the same request may succeed later."""

    def __init__(self, message: str, retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoreError(UnavailableError):
    """The object store failed or did not answer."""


class ObjectMissingError(StoreError):
    """The object is not in the store; trying again does not bring it back."""


class MemoryTakenError(UnavailableError):
    """The images in work on this machine left no memory for another one for too long."""


class OperatorError(FluximageError):
    """A command of the operator cannot be carried out."""
