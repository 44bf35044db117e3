"""GET /openapi.json and GET /docs: the document of the API, and a page that shows it offline."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, current_app, request

from api.openapi.declare import ETAG, Answer, Call, Tag, documented
from api.openapi.document import document
from api.parameters import Text
from shared.errors import NotFoundError

blueprint = Blueprint("documentation", __name__)

_OURS = Path(__file__).parent.parent / "docs_page"
_SWAGGER_UI = Path(str(files("flask_swagger_ui"))) / "dist"
# The files of the page. A client's text is only looked up here, and never becomes a path.
_FILES = {
    "start.js": (_OURS / "start.js", "text/javascript"),
    "favicon-32x32.png": (_SWAGGER_UI / "favicon-32x32.png", "image/png"),
    "swagger-ui-bundle.js": (_SWAGGER_UI / "swagger-ui-bundle.js", "text/javascript"),
    "swagger-ui.css": (_SWAGGER_UI / "swagger-ui.css", "text/css"),
}
_FOR_AN_HOUR = "public, max-age=3600"
_ASK_AGAIN = "no-cache"  # a browser keeps it, and asks by its ETag whether it is still right

# Scripts and styles are this service's files; nothing is loaded from elsewhere.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@blueprint.get("/openapi.json")
@documented(
    Call(
        "getDocument",
        Tag.OPERATOR,
        answers={
            200: Answer("The document.", dict[str, object], headers=(ETAG,)),
            304: Answer("It is as it was.", headers=(ETAG,)),
        },
    )
)
def openapi() -> Response:
    """Returns the OpenAPI 3.1 document of this API."""
    body: bytes | None = current_app.extensions.get("openapi")
    if body is None:
        body = json.dumps(document(current_app), ensure_ascii=False).encode()
        current_app.extensions["openapi"] = body
    return _cacheable(body, "application/json", _ASK_AGAIN)


@blueprint.get("/docs")
@documented(
    Call(
        "getDocs",
        Tag.OPERATOR,
        answers={
            200: Answer("The page.", str, headers=(ETAG,), media_type="text/html"),
            304: Answer("It is as it was.", headers=(ETAG,)),
        },
    )
)
def docs() -> Response:
    """Returns a page that shows the document and tries its calls."""
    page = (_OURS / "index.html").read_bytes()
    response = _cacheable(page, "text/html; charset=utf-8", _ASK_AGAIN)
    response.headers["Content-Security-Policy"] = _PAGE_POLICY
    return response


@blueprint.get("/docs/<name>")
@documented(
    Call(
        "getDocsFile",
        Tag.OPERATOR,
        path=(Text(name="name", sentence="The file's name.", example="start.js"),),
        answers={
            200: Answer("The file.", str, headers=(ETAG,), media_type="*/*"),
            304: Answer("It is as it was.", headers=(ETAG,)),
        },
        refusals=(NotFoundError,),
    )
)
def docs_file(name: str) -> Response:
    """Returns a file of the page: a script, a style or a picture."""
    if name not in _FILES:
        raise NotFoundError("There is no such file")
    path, type_ = _FILES[name]
    return _cacheable(path.read_bytes(), type_, _FOR_AN_HOUR)


def _cacheable(body: bytes, content_type: str, cache_control: str) -> Response:
    """A response with an ETag, or 304 where the client has it already."""
    response = Response(body, content_type=content_type)
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    response.headers["Cache-Control"] = cache_control
    response.make_conditional(request)
    return response
