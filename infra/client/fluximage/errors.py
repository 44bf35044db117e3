"""Every exception of this package. What a server said is in `message`, as it stands.

FluximageError
  ConfigurationError    the address or the key is missing or malformed; nothing was sent
  ApiError              the service refused the call; has a status and a code
    BadRequest            400, 413, 415, 422 and what else the call itself is to blame for
      KeyReused             422: the Idempotency-Key was used with other files or options
    Unauthorized          401: the key is missing, malformed, unknown or revoked
    PlanError             403: plan_limit, ia_not_available, no_credits or storage_limit
    NotFound              404, 410: there is no such session, image or path
    Conflict              409: the session was cancelled, or the key of a request is in use
  Temporary             429, 5xx, or no connection: the same call may succeed later
  JournalInUse          another call works with the same journal
  DownloadError         a result arrived incomplete

An image that failed is no exception: it is a `Failed` among the results.
"""


class FluximageError(Exception):
    """Any error that this package raises on purpose.

    code: the service's word for programs (docs/api.md lists them), or one of this package.
    status: of the answer, None where there was none. request_id: what the operator finds the
    request by.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "client",
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.request_id = request_id


class ConfigurationError(FluximageError):
    """The address or the key is missing or malformed."""


class ApiError(FluximageError):
    """The service refused the call, and would refuse it again."""


class BadRequest(ApiError):  # noqa: N818 - HTTP's own name for it
    """A field, a file or the request itself is wrong; the message names it."""


class KeyReused(BadRequest):
    """The Idempotency-Key was used with other files or options; `batch_id` is what it made."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "idempotency_mismatch",
        status: int | None = None,
        request_id: str | None = None,
        batch_id: str | None = None,
    ) -> None:
        super().__init__(message, code=code, status=status, request_id=request_id)
        self.batch_id = batch_id


class Unauthorized(ApiError):  # noqa: N818 - HTTP's own name for it
    """The API key is missing, malformed, unknown or revoked."""


class PlanError(ApiError):
    """The plan has no images, AI credits, AI or storage left; `code` says which."""


class NotFound(ApiError):  # noqa: N818 - HTTP's own name for it
    """There is no such session, image or path, or what it needs is gone."""


class Conflict(ApiError):  # noqa: N818 - HTTP's own name for it
    """The session was cancelled, or another request holds the Idempotency-Key."""


class Temporary(FluximageError):  # noqa: N818 - says what to do, as Retry-After does
    """The service is away, busy or limits this account; the same call may succeed later.

    retry_after_seconds: what the service asked to wait, None where it did not.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "unreachable",
        status: int | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, code=code, status=status, request_id=request_id)
        self.retry_after_seconds = retry_after_seconds


class JournalInUse(FluximageError):  # noqa: N818 - says what it is
    """Another call, of this process or another, works with the same journal."""


class DownloadError(FluximageError):
    """A result arrived with another size than the service said."""
