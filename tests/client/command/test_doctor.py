"""`fluximage doctor`: each thing that can be wrong is told, with what to do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pexpect  # type: ignore[import-untyped]  # it ships no types
import pytest

from fluximage.answers import Image
from fluximage.command import doctor_server, doctor_store
from fluximage.command.finding import Finding
from tests.client.command.conftest import Fx, argv, environment, used
from tests.support.client import Client
from tests.support.making import png


@contextmanager
def answering(status: int, body: bytes, date: str = "") -> Iterator[str]:
    """The address of a server that has one answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            if date:
                self.send_header("Date", date)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_all_is_well_and_one_image_is_spent_by_yes_alone(fx: Fx, account: Client) -> None:
    careful = fx("doctor")
    assert careful.returncode == 0, careful.stdout
    assert used(account) == 0
    assert "not tried, since it spends one image" in careful.stdout
    done = fx("doctor", "--yes", "--json")
    assert done.returncode == 0, done.stdout
    found = {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert list(found) == [
        "command", "server", "clock", "formats", "account", "image", "links",
    ]  # fmt: skip
    assert {one["status"] for one in found.values()} == {"ok"}
    assert found["formats"]["message"].endswith("writes webp, avif, jpg, png")
    assert "byte for byte" in found["links"]["message"]
    assert used(account) == 1


def test_on_a_terminal_it_asks_before_it_spends(account: Client) -> None:
    program, *arguments = argv("doctor")
    child = pexpect.spawn(program, arguments, env=environment(), encoding="utf-8")
    child.expect("It spends one image of the plan", timeout=60)
    child.sendline("n")
    child.expect("not tried", timeout=60)
    child.expect(pexpect.EOF, timeout=60)
    child.close()
    assert (child.exitstatus, used(account)) == (0, 0)


def test_what_is_wrong_with_server_or_key_is_told(
    fx: Fx, here: Path, account: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = fx("doctor", "--url", "http://127.0.0.1:1")
    assert away.returncode == 1
    assert "WRONG  server    127.0.0.1:1 cannot be reached" in away.stdout
    assert "→ Check the address http://127.0.0.1:1" in away.stdout
    monkeypatch.setenv("FLUXIMAGE_API_KEY", "flx_live_" + "0" * 40)
    unknown = fx("doctor", "--yes")
    assert unknown.returncode == 1
    assert "WRONG  account" in unknown.stdout
    assert "Check FLUXIMAGE_API_KEY" in unknown.stdout
    monkeypatch.delenv("FLUXIMAGE_URL")
    assert "No server is set. Type --url" in fx("doctor").stdout
    assert (here.is_dir(), used(account)) == (True, 0)


def test_a_server_that_is_not_ready_or_has_another_time_is_told() -> None:
    body, date = b'{"down": ["store"]}', "Thu, 01 Jan 2026 00:00:00 GMT"
    with answering(503, body, date) as url:
        server, clock, formats = doctor_server.look(url)
    assert "is not ready: store" in server.message
    assert "ahead of the server's" in clock.message
    assert "does not say which it writes" in formats.message
    assert {server.status, clock.status, formats.status} == {"wrong"}
    with answering(404, b"<html>", date) as url:
        assert "as no fluximage does" in next(doctor_server.look(url)).message


def link(url: str, content: bytes) -> Finding:
    """What is said of a link to the result `content`."""
    size = len(content)
    image = Image("", "", 0, "", "a", "png", 1, 1, size, size, 0, url, "")
    return doctor_store.link(image)


def test_what_is_wrong_with_the_links_is_told_and_no_link_is_shown() -> None:
    content = png()
    with answering(200, content) as url:
        signed = f"{url}/bucket/a?X-Amz-Signature=topsecret"
        told = [
            (link(signed, content), "byte for byte"),
            (link(signed, content + b"more"), "in place of png"),
            (link(signed.replace("http:", "https:"), content), "TLS fails"),
        ]
    told.append((link(signed, content), "takes no connection"))
    told.append((link("http://store.invalid/a?X-Amz-Signature=topsecret", content), "resolve"))
    with answering(403, b"SignatureDoesNotMatch") as url:
        told.append((link(f"{url}/a?X-Amz-Signature=topsecret", content), "answers 403"))
    for finding, words in told:
        assert words in finding.message
        assert "topsecret" not in finding.message
        assert (finding.status == "ok") == (finding.advice is None)
    assert [finding.status for finding, _ in told] == ["ok", *["wrong"] * 5]


def test_a_finding_has_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    from fluximage.command.doctor import tell

    tell(replace(Finding.ok("server", "x"), message="\x1b]0;owned\x07"))
    assert "\x1b" not in capsys.readouterr().out
