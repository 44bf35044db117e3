"""GET / and /page/…: the page's files and nothing else, under a policy as strict."""

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from shared.clients.object_store import S3Store
from shared.services import Services
from tests.api.conftest import in_process
from tests.api.raw import exchange, head
from tests.support.cases import every_case
from tests.support.client import Client, get, request
from tests.support.making import png
from tests.support.paths import ROOT

PAGE = ROOT / "api/page"
FILES = sorted(
    path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*.*") if path.suffix != ".html"
)
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' blob: {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def test_the_page_may_load_its_own_files_and_the_images_of_results(client: Client) -> None:
    result = urlsplit(client.compress([("a.png", png())]).json()["data"][0]["url"])
    page = get(f"{client.url}/")
    assert page.content == (PAGE / "index.html").read_bytes()
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = POLICY.format(f"{result.scheme}://{result.netloc}")
    assert page.headers["Content-Security-Policy"] == policy
    assert [page.headers[name] for name in ISOLATED] == list(ISOLATED.values())


@every_case(
    "settings, source",
    [
        ({"s3_public_endpoint": "https://files.example"}, "https://files.example"),
        ({"s3_public_endpoint": "https://files.example:9443"}, "https://files.example:9443"),
        ({"s3_endpoint": "http://store:9000", "s3_public_endpoint": None}, "http://store:9000"),
        (
            {"s3_public_endpoint": "https://s3.eu-west-1.amazonaws.com", "s3_region": "eu-west-1"},
            "https://fluximage.s3.eu-west-1.amazonaws.com",
        ),
        ({"s3_public_endpoint": "http://[::1]:9000"}, "http://*:9000"),
    ],
)
def test_the_origin_of_the_images_is_that_of_signed_urls(
    unit: Services, settings: dict[str, str], source: str
) -> None:
    changed = unit.settings.model_copy(update={"s3_bucket": "fluximage"} | settings)
    store = S3Store(changed)
    with in_process(replace(unit, store=store)) as page:
        policy = page.get("/").headers["Content-Security-Policy"]
    assert policy == POLICY.format(source)
    if "*" not in source:
        assert store.sign("key", "a.webp", 60).startswith(f"{source}/")


@every_case("name", FILES)
def test_every_file_of_the_page_is_served_and_asked_about_by_its_etag(
    service_url: str, name: str
) -> None:
    url = f"{service_url}/page/{name}"
    file = get(url)
    assert (file.status_code, file.content) == (200, (PAGE / name).read_bytes())
    assert file.headers["Content-Type"] == TYPES[Path(name).suffix]
    assert file.headers["Cache-Control"] == "no-cache"
    assert file.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert [file.headers[one] for one in ISOLATED] == list(ISOLATED.values())
    same = get(url, headers={"If-None-Match": file.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_the_page_itself_is_asked_about_by_its_etag_and_keeps_its_policy(service_url: str) -> None:
    page = get(f"{service_url}/")
    same = get(f"{service_url}/", headers={"If-None-Match": page.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    name = "Content-Security-Policy"
    assert same.headers[name] == page.headers[name]


@every_case(
    "path",
    [
        *("/page", "/page/", "/page//", "/page/.", "/page/..", "/page/net", "/page/net/"),
        *("/page/index.html", "/page/MAIN.JS", "/page/main.js/", "/page//main.js", "/page/main"),
        *("/page/../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py", "/page/%2e%2e%2fapp.py"),
        *("/page/net/../main.js", "/page/net/%2e%2e/main.js", "/page/net%2f..%2fmain.js"),
        *(
            "/page/..%5capp.py",
            "/page/%252e%252e/app.py",
            "/page//etc/passwd",
            "/page/%2fetc/passwd",
        ),
        *("/page/main.js%00", "/page/main.js%00.svg", "/page/%00", "/page/~", "/page/*.js"),
        *("/page/main.js;.css", "/page/../docs_page/start.js", "/page/.git/config"),
        *("/index.html", "/main.js", "/page.js"),
    ],
)
def test_nothing_else_is_served(service_url: str, path: str) -> None:
    # On a socket: a library would make such a path an ordinary one.
    asked = head("none", "Connection: close", method="GET", path=path)
    assert exchange(service_url, [asked]).status == 404


@every_case("path", ["/", "/page/main.js"])
def test_head_is_get_without_its_body_and_other_methods_are_refused(
    service_url: str, path: str
) -> None:
    got, head_ = get(service_url + path), request("HEAD", service_url + path)
    for name in ("ETag", "Content-Security-Policy", "Cross-Origin-Opener-Policy"):
        assert head_.headers[name] == got.headers[name]
    assert (head_.status_code, head_.content) == (200, b"")
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        refused = request(method, service_url + path)
        assert refused.status_code == 405
        assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD"}


def test_a_key_in_the_query_is_no_key_and_comes_back_nowhere(client: Client) -> None:
    page = get(f"{client.url}/?key={client.key}")
    assert page.content == get(f"{client.url}/").content
    assert client.key not in str(page.headers)
    assert get(f"{client.url}/api/usage?key={client.key}").status_code == 401


def test_index_and_scripts_name_only_files_that_exist_and_no_other_host() -> None:
    index = (PAGE / "index.html").read_text()
    assert "://" not in index
    named = [part.partition('"')[0] for part in index.split('="/page/')[1:]]
    assert set(named) <= set(FILES)
    assert len(named) >= 3


@every_case("name", [name for name in FILES if name.endswith(".js")])
def test_no_script_makes_elements_or_code_of_texts(name: str) -> None:
    words = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert not re.search(words, (PAGE / name).read_text())
