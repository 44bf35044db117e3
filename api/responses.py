"""A response with a body as JSON, and the bodies of images with URLs that this process signs."""

from collections.abc import Mapping

from flask import Response, jsonify

from api.archive_links import archive_url
from api.context import context
from shared import answers, bodies
from shared.answers import Sign
from shared.db.views import EndedImage, View


def json_response(body: Mapping[str, object], status: int = 200) -> Response:
    """A response with `body` as JSON; its type is one of shared/bodies.py."""
    response = jsonify(body)
    response.status_code = status
    return response


def batch_body(view: View) -> bodies.Batch:
    """The body of POST /api/compress, with fresh URLs."""
    return answers.batch_body(view, _sign())


def session_body(view: View) -> bodies.SessionPage:
    """A page of a session, with fresh URLs."""
    return answers.session_body(view, _sign(), archive_url(view))


def ended_body(image: EndedImage) -> bodies.Image | bodies.FailedImage | None:
    """An image as an event has it, with a fresh URL; None once it expired."""
    return answers.ended_body(image, _sign())


def _sign() -> Sign:
    services = context().services
    return answers.signer(services.store, services.settings)
