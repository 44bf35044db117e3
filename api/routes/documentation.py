"""GET /openapi.json and GET /docs: the document of the API, and a page that shows it offline."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, current_app, request, send_file

from api.openapi.declare import ETAG, Answer, Call, Tag, documented
from api.openapi.document import document
from api.parameters import Text
from shared.errors import NotFoundError

blueprint = Blueprint("documentation", __name__)

_OURS = Path(__file__).parent.parent / "docs_page"
_SWAGGER_UI = Path(str(files("flask_swagger_ui"))) / "dist"
# The files of the page. A client's text is only looked up here, and never becomes a path.
_FILES = {path.name: path for path in (_OURS / "start.js",)} | {
    name: _SWAGGER_UI / name
    for name in ("favicon-32x32.png", "swagger-ui-bundle.js", "swagger-ui.css")
}
_SECONDS = 3600  # that a browser may keep a file of the page

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
    """Returns this document: OpenAPI 3.1."""
    body = current_app.extensions.get("openapi")
    if body is None:
        body = json.dumps(document(current_app), ensure_ascii=False).encode()
        current_app.extensions["openapi"] = body
    response = Response(body, content_type="application/json")
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    response.headers["Cache-Control"] = "no-cache"  # kept, and asked for again by its ETag
    response.make_conditional(request)
    return response


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
def page() -> Response:
    """Returns a page that shows this document and tries its calls."""
    response = send_file(_OURS / "index.html", max_age=0)
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
def page_file(name: str) -> Response:
    """Returns a file of the page: a script, a style or a picture."""
    path = _FILES.get(name)
    if path is None:
        raise NotFoundError("There is no such file")
    return send_file(path, max_age=_SECONDS)
