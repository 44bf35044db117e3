"""The one place that turns an error into a status. Every error's body is JSON: `error` and `code`.

Elsewhere are only:
- gunicorn_worker.py: an error found before there is a request to route, with the same sentences.
- routes/compress.py: 422 with the batch's body where all of its images failed, which is a
  result; 202 where it is not done yet.
- routes/operator.py: 503 of `/health/ready`, which also lists the servers that are down.
"""

import logging

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from api.http_errors import CODES, SENTENCES
from api.responses import json_response
from shared import bodies, errors

logger = logging.getLogger(__name__)

# A class stands for its subclasses too. An error that is not listed is answered with 500.
STATUSES: dict[type[errors.FluximageError], int] = {
    errors.InvalidFieldError: 400,
    errors.UnauthorizedError: 401,
    errors.PlanLimitError: 403,
    errors.AiNotAvailableError: 403,
    errors.NoCreditsError: 403,
    errors.StorageLimitError: 403,
    errors.NotFoundError: 404,
    errors.RequestTimeoutError: 408,
    errors.ConflictError: 409,
    errors.GoneError: 410,
    errors.KeyReusedError: 422,
    errors.TooManyRequestsError: 429,
    errors.UnavailableError: 503,
}

# These have their code in `error` too, and their sentence in `message`, as published.
CODE_AS_ERROR = (errors.AiNotAvailableError, errors.NoCreditsError)


def register(app: Flask) -> None:
    """Makes the application answer every error as the contract says."""
    app.register_error_handler(errors.FluximageError, _our_error)
    app.register_error_handler(HTTPException, _werkzeug_error)
    app.register_error_handler(Exception, _unexpected_error)


def status_of(kind: type[errors.FluximageError]) -> int | None:
    """Returns the status of an error of that class; None means 500."""
    return next((status for above, status in STATUSES.items() if issubclass(kind, above)), None)


def _our_error(error: errors.FluximageError) -> Response:
    status = status_of(type(error))
    if status is None:
        return _unexpected_error(error)
    body: bodies.Error = {"error": error.message, "code": error.code}
    if isinstance(error, CODE_AS_ERROR):
        body = {"error": error.code, "code": error.code, "message": error.message}
    if isinstance(error, errors.KeyReusedError):
        body["batch_id"] = str(error.batch_id)
    response = json_response(body, status)
    if isinstance(error, errors.TooManyRequestsError | errors.UnavailableError):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _werkzeug_error(error: HTTPException) -> Response:
    """404 and 405 of routing, 413 and 415 of the body, and whatever else Werkzeug raises."""
    status = error.code or 500
    code = CODES.get(status, CODES[500] if status >= 500 else CODES[400])
    body: bodies.Error = {"error": SENTENCES.get(status, error.name), "code": code}
    response = json_response(body, status)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _unexpected_error(error: Exception) -> Response:
    logger.error("a request failed unexpectedly", exc_info=error)
    body: bodies.Error = {"error": SENTENCES[500], "code": CODES[500]}
    return json_response(body, 500)
