"""The one place that turns an error into a status; every answer is JSON and has `error`."""

import logging
from typing import Any

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from shared import errors

logger = logging.getLogger(__name__)

_STATUS: dict[type[errors.FluximageError], int] = {
    errors.InvalidFieldError: 400,
    errors.UnauthorizedError: 401,
    errors.PlanLimitError: 403,
    errors.AiNotAvailableError: 403,
    errors.NoCreditsError: 403,
    errors.NotFoundError: 404,
    errors.RequestTimeoutError: 408,
    errors.ConflictError: 409,
    errors.KeyReusedError: 422,
    errors.TooManyRequestsError: 429,
    errors.UnavailableError: 503,
}

# These two answer a code, with the sentence beside it in `message`.
_CODES: dict[type[errors.FluximageError], str] = {
    errors.AiNotAvailableError: "ia_not_available",
    errors.NoCreditsError: "no_credits",
}

_HTTP_SENTENCES = {
    404: "There is nothing at this address",
    405: "This address does not take that method",
    413: "The body is larger than any request this service takes",
    415: "The body must come as it is, without a Content-Encoding",
}


def register(app: Flask) -> None:
    """Makes the application answer every error as the contract says."""
    app.register_error_handler(errors.FluximageError, _known)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _known(error: errors.FluximageError) -> Response:
    status = next((s for kind, s in _STATUS.items() if isinstance(error, kind)), None)
    if status is None:
        return _unexpected(error)
    code = _CODES.get(type(error))
    body = {"error": code, "message": error.message} if code else {"error": error.message}
    response = answer(body, status)
    if isinstance(error, errors.TooManyRequestsError | errors.UnavailableError):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    response = answer({"error": _HTTP_SENTENCES.get(status, error.name)}, status)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    logger.error("a request failed unexpectedly", exc_info=error)
    return answer({"error": "Something went wrong on our side"}, 500)


def answer(body: dict[str, Any], status: int = 200) -> Response:
    """A JSON response."""
    response = jsonify(body)
    response.status_code = status
    return response
