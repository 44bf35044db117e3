"""One error tree. A message here is public: it goes to clients as it stands."""


class FluximageError(Exception):
    """Anything this service reports; `retryable` says whether trying again can help."""

    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ImageError(FluximageError):
    """One image of a batch cannot be processed; `code` is the contract's word for why."""

    code = "processing_failed"


class UnsupportedImageError(ImageError):
    """The bytes are not of a format that this service reads."""

    code = "unsupported_image"


class CorruptImageError(ImageError):
    """The bytes claim a format that is read, but do not decode."""

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
    """An image gets no text from the model, for good; its `code` is the warning's."""

    code = "ai_failed"


class AiUnreachableError(DescriptionError):
    """The provider is down, too slow or does not know our key; the breaker may be open."""

    code = "ai_unavailable"


class AiAnswerError(DescriptionError):
    """What the model wrote did not pass the checks, the second time either."""

    code = "ai_answer"


class AiDeclinedError(DescriptionError):
    """The provider or its model will not describe this picture."""

    code = "ai_declined"


class AiLimitError(DescriptionError):
    """What the operator lets an account, or all of them, spend on AI is spent.

    retry_after_seconds: until a limit by the minute lets the next call through; None for one
    that does not pass soon.
    """

    code = "ai_limit"

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RequestRefusedError(FluximageError):
    """The client asked for something that is not to be had."""


class InvalidFieldError(RequestRefusedError):
    """A field or body that breaks the contract; the message names it."""


class PlanLimitError(RequestRefusedError):
    """The batch does not fit what is left of the plan's images."""


class AiNotAvailableError(RequestRefusedError):
    """AI was asked for on a plan without it."""

    def __init__(self) -> None:
        super().__init__("AI features require a paid plan. Upgrade to Starter or higher.")


class NoCreditsError(RequestRefusedError):
    """The batch needs more AI credits than are left."""

    def __init__(self) -> None:
        super().__init__(
            "You have used all your AI credits this month. Purchase a top-up to continue."
        )


class UnauthorizedError(RequestRefusedError):
    """No key, or one that is malformed, unknown or revoked: never told apart."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class NotFoundError(RequestRefusedError):
    """No such thing in this account."""


class ConflictError(RequestRefusedError):
    """The request meets another that is under way, or a session that was cancelled."""


class KeyReusedError(RequestRefusedError):
    """An Idempotency-Key came again with another payload."""


class RequestTimeoutError(RequestRefusedError):
    """The client stopped sending before its body was complete."""


class TooManyRequestsError(FluximageError):
    """The account, or the address that fails to authenticate, is past its rate."""

    retryable = True

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("Too many requests")
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(FluximageError):
    """The service cannot take this now; the same request may succeed later."""

    retryable = True

    def __init__(self, message: str, retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoreError(UnavailableError):
    """The object store did not do what it was asked."""


class MemoryTakenError(UnavailableError):
    """The images in work on this machine leave no memory for another one, and that for long."""


class ObjectMissingError(StoreError):
    """The object is not in the store."""

    retryable = False


class OperatorError(FluximageError):
    """A command of the operator cannot be carried out."""
