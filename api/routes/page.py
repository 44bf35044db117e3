"""GET / and GET /page/…: the page for people, from the files of api/page/."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, Response

from api.cacheable import cacheable
from api.context import context
from api.openapi.declare import ETAG, Answer, Call, Tag, documented
from api.parameters import Text
from shared.errors import NotFoundError

blueprint = Blueprint("page", __name__)

_PAGE = Path(__file__).parent.parent / "page"
_FOLDERS = ("", "net", "files", "views")
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
}

# Scripts, styles and calls are of this service alone; images are its own, those that a person has
# dropped (blob:), and those that the object store serves.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' blob: {store}; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)


@blueprint.get("/")
@documented(
    Call(
        "getPage",
        Tag.OPERATOR,
        answers={
            200: Answer("The page.", str, headers=(ETAG,), media_type="text/html"),
            304: Answer("It is as it was.", headers=(ETAG,)),
        },
    )
)
def page() -> Response:
    """Returns the page where people compress images by hand."""
    response = cacheable((_PAGE / "index.html").read_bytes(), "text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY.format(store=_store_source())
    return _isolated(response)


@blueprint.get("/page/<path:name>")
@documented(
    Call(
        "getPageFile",
        Tag.OPERATOR,
        path=(Text(name="name", sentence="The file's name.", example="main.js"),),
        answers={
            200: Answer("The file.", str, headers=(ETAG,), media_type="*/*"),
            304: Answer("It is as it was.", headers=(ETAG,)),
        },
        refusals=(NotFoundError,),
    )
)
def file(name: str) -> Response:
    """Returns a file of the page: a script, a style or a picture."""
    if name not in _files():
        raise NotFoundError("There is no such file")
    path = _files()[name]
    return _isolated(cacheable(path.read_bytes(), _TYPES[path.suffix]))


@cache
def _files() -> dict[str, Path]:
    """The files of the page. A client's text is only looked up here, and never becomes a path."""
    return {
        file.relative_to(_PAGE).as_posix(): file
        for folder in _FOLDERS
        for file in (_PAGE / folder).glob("*")
        if file.suffix in _TYPES
    }


def _isolated(response: Response) -> Response:
    """The response, out of reach for windows and documents of other origins."""
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _store_source() -> str:
    """Where the images of results are: what their signed URLs begin with, as a source of a CSP."""
    url = urlsplit(context().services.store.sign("any", "any", 1))
    # A CSP cannot name an IPv6 address (Content Security Policy 3, host-source), only its port.
    host = re.sub(r"^\[.*\]", "*", url.netloc)
    return f"{url.scheme}://{host}"
