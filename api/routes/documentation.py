"""GET /openapi.json and GET /docs: the document of the API, and a page that shows it offline."""

import json
from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, current_app

from api.cacheable import FOR_AN_HOUR, cacheable
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
    return cacheable(body, "application/json")


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
    response = cacheable(page, "text/html; charset=utf-8")
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
    return cacheable(path.read_bytes(), type_, FOR_AN_HOUR)
