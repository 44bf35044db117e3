"""The queue of uploads: what goes in which request, and what becomes of it where the line fails."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

from shared.plans import Plan
from shared.services import Services
from tests.client.line import Line
from tests.page.conftest import OpenPage
from tests.page.modules import BLANK, blank, picked
from tests.page.uploading import Uploads, ended, names, used
from tests.support.browser import Faults
from tests.support.client import Client
from tests.support.making import fill_storage, make_account, png

__all__ = ["blank"]  # a fixture

API = "**/api/compress"


@pytest.fixture
def uploads(blank: Page) -> Uploads:
    return Uploads(blank)


@pytest.fixture
def line(client: Client, faults: Faults) -> Iterator[Line]:
    """A line between the page and the service."""
    with Line(client.url) as running:
        client.url = running.url
        faults.origins |= {running.url}
        faults.allow("net::ERR")
        yield running


@pytest.fixture
def on_line(line: Line, uploads: Uploads) -> Uploads:
    assert uploads.page.url.startswith(line.url)
    return uploads


def test_the_first_requests_are_small_and_no_other_has_more_than_20(uploads: Uploads) -> None:
    uploads.add(names(52))
    uploads.wait()
    assert sorted(map(len, uploads.accepted)) == [1, 4, 7, 20, 20]
    assert uploads.arrived == names(52)


def test_what_there_is_goes_when_the_listing_pauses(uploads: Uploads) -> None:
    uploads.add(names(3), flush=False)
    uploads.wait()
    assert uploads.arrived == names(3)


def test_no_request_has_more_than_100_mb(uploads: Uploads) -> None:
    sizes = uploads.page.evaluate(
        """() => {
          const sizes = [];
          XMLHttpRequest.prototype.send = function (form) {
            sizes.push(form.getAll("file").map((file) => file.size));
            this.dispatchEvent(new Event("load")); // of status 0, and without an answer
          };
          const most = new Blob([new Uint8Array(20 * 1024 * 1024)]);
          const file = new File([most], "a");
          for (let at = 0; at < 30; at += 1) uploads.add({ file, path: "a" });
          uploads.flush();
          return new Promise((done) => setTimeout(() => done(sizes), 500));
        }"""
    )
    assert [len(each) for each in sizes[:4]] == [1, 4, 4, 4]


def test_an_answers_index_counts_in_the_entries_of_its_request(
    uploads: Uploads, client: Client
) -> None:
    uploads.add(names(9))
    uploads.wait()
    entries = dict(uploads.heard["accepted"])
    for image in ended(client, 9):
        assert entries[image["batch_id"]][image["index"]] == image["original_name"]


def test_names_and_folders_arrive(uploads: Uploads, client: Client) -> None:
    sent = {
        "plain.png": (None, "plain.png"),
        "shoes/red/01.png": ("shoes/red", "01.png"),
        "shoes/01.png": ("shoes", "01.png"),
        "no extension/file": ("no extension", "file"),
        "写真/é e\u0301 👩‍🚀.png": ("写真", "é e\u0301 👩‍🚀.png"),
        "a 'b' \"c\".png": (None, "a 'b' \"c\".png"),
        'q"d/100% & a;b=c.png': ("q_d", "100% & a;b=c.png"),
        "back\\slash.png": (None, "back_slash.png"),
        "c:/d\\e/1.png": ("c_/d_e", "1.png"),
        "unnamed/unnamed": ("unnamed", "unnamed"),
        "line\r\nend/a.png": ("lineend", "a.png"),
        f"{'n' * 300}.png": (None, "n" * 255),
    }
    uploads.add(list(sent))
    uploads.wait()
    found = {(image["path"], image["original_name"]) for image in ended(client, len(sent))}
    assert found == set(sent.values())


def test_the_fields_are_those_of_the_moment_and_the_bytes_never_pass_the_files(
    uploads: Uploads, client: Client
) -> None:
    uploads.page.evaluate("window.fields = [['format', 'png']]")
    uploads.add(names(6), padding=300_000)
    uploads.wait()
    assert {image["format"] for image in ended(client, 6)} == {"png"}
    sent, total = uploads.page.evaluate("sent"), 6 * (len(png(9, 9)) + 300_001)
    assert sent == sorted(sent)
    assert sent[-1] == total


def test_a_lost_answer_is_asked_for_again_and_paid_once(
    line: Line, on_line: Uploads, client: Client
) -> None:
    line.lose_answers = 4  # for Chromium repeats some by itself
    on_line.add(names(5))
    on_line.wait()
    assert sorted(map(len, on_line.accepted)) == [1, 4]
    assert (line.cuts, used(client)) == (4, 5)


def test_a_service_that_was_away_gets_everything(line: Line, on_line: Uploads) -> None:
    line.blocked = b"POST /api/compress"
    on_line.add(names(30))
    on_line.wait("heard.waiting.length >= 2")
    assert on_line.waiting[:2] == [[0, 1], [0, 2]]
    line.blocked = b""
    on_line.wait()
    assert on_line.arrived == names(30)


def test_what_a_line_cuts_off_each_time_goes_in_smaller_requests(
    line: Line, on_line: Uploads
) -> None:
    line.cut_after_bytes = 1_500_000
    _slow_down(on_line.page, 4_000_000)
    on_line.add(names(5), padding=700_000)
    on_line.wait("sent.length && dispatchEvent(new Event('online')) && !uploads.busy()")
    assert on_line.arrived == names(5)
    assert not on_line.refused


@pytest.mark.parametrize("status", [429, 503])
def test_a_service_that_is_busy_is_asked_again_when_it_says(
    uploads: Uploads, faults: Faults, status: int
) -> None:
    faults.allow(f"status of {status}")
    _answers(uploads.page, [(status, "2"), (status, "1")])
    uploads.add(names(1))
    uploads.wait()
    assert uploads.waiting == [[status, 2], [status, 1], [None, 0]]
    assert uploads.accepted == [names(1)]


def test_a_wait_ends_when_the_browser_is_online_again(uploads: Uploads, faults: Faults) -> None:
    faults.allow("status of 503")
    _answers(uploads.page, [(503, "600")])
    uploads.add(names(1))
    uploads.wait("heard.waiting.length")
    uploads.page.evaluate("dispatchEvent(new Event('online'))")
    uploads.wait()
    assert uploads.accepted == [names(1)]


def test_a_request_that_is_still_being_accepted_is_asked_for_again(
    uploads: Uploads, faults: Faults
) -> None:
    faults.allow("status of (409|502)")
    keys = _answers(uploads.page, [(502, ""), (409, "")])
    uploads.add(names(1))
    uploads.wait()
    assert uploads.accepted == [names(1)]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_conflict_at_once_is_refused(uploads: Uploads, client: Client, faults: Faults) -> None:
    faults.allow("status of 409")
    uploads.add(names(1))
    uploads.wait()
    client.call("POST", "/api/sessions/s/cancel")
    _answers(uploads.page, [(409, "")])
    uploads.add(names(2))
    uploads.wait("heard.refused.length")
    assert uploads.refused == [["conflict", ["00.png", "01.png"]]]


def test_a_fault_that_stays_is_refused(uploads: Uploads, faults: Faults) -> None:
    faults.allow("status of 500")
    _answers(uploads.page, [(500, "0.01")] * 5)
    uploads.add(names(1))
    uploads.wait("heard.refused.length")
    assert uploads.refused == [["internal", names(1)]]


def test_a_key_that_fails_keeps_the_images_until_there_is_another(
    uploads: Uploads, client: Client, faults: Faults
) -> None:
    faults.allow("status of 401")
    new = client.call("POST", "/api/keys/roll").json()["api_key"]
    uploads.add(names(30))
    uploads.wait("signedOut")
    assert uploads.page.evaluate("uploads.busy()")
    uploads.page.evaluate("(key) => sessionStorage.setItem('fluximage-key', key)", new)
    uploads.page.evaluate("uploads.resume()")
    uploads.wait()
    assert uploads.arrived == names(30)
    assert not uploads.refused
    assert uploads.page.evaluate("signedOut") == 1


def test_where_the_plan_ends_all_that_waits_comes_back(
    open_page: OpenPage, service: Services, faults: Faults
) -> None:
    faults.allow("status of 403|favicon")
    _, key = make_account(service, Plan.FREE)
    uploads = Uploads(open_page(key, fragment=BLANK, bypass_csp=True))
    uploads.add(names(90))
    uploads.wait()
    codes = {code for code, _ in uploads.refused}
    refused = [path for _, paths in uploads.refused for path in paths]
    assert codes == {"plan_limit"}
    assert len(uploads.refused) <= 3  # and not each request by itself
    assert sorted(refused + uploads.arrived) == names(90)


def test_where_the_storage_is_full_all_that_waits_comes_back(
    uploads: Uploads, service: Services, client: Client, faults: Faults
) -> None:
    faults.allow("status of 403")
    fill_storage(service, client.account)
    uploads.add(names(90))
    uploads.wait()
    assert {code for code, _ in uploads.refused} == {"storage_limit"}
    assert sorted(path for _, paths in uploads.refused for path in paths) == names(90)


def test_a_request_that_is_refused_does_not_end_the_others(
    uploads: Uploads, faults: Faults
) -> None:
    faults.allow("status of 400")
    uploads.page.evaluate("window.fields = [['quality', '1000']]")
    uploads.add(names(1))
    uploads.page.evaluate("window.fields = []")
    uploads.add(names(8)[1:])
    uploads.wait()
    assert uploads.refused == [["invalid_field", ["00.png"]]]
    assert uploads.arrived == names(8)[1:]


def test_images_that_all_fail_are_accepted(uploads: Uploads) -> None:
    uploads.page.evaluate("uploads.add({ file: new File(['text'], 'a.png'), path: 'a.png' })")
    uploads.wait()
    assert uploads.accepted == [["a.png"]]


def _change(path: Path) -> None:
    path.write_bytes(png(5, 5))
    os.utime(path, (1, 1))  # browsers compare whole seconds


@pytest.mark.parametrize("change", [Path.unlink, _change])
def test_a_file_that_changed_or_vanished_is_named_and_the_others_go(
    uploads: Uploads, faults: Faults, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    faults.allow("net::ERR")
    paths = [tmp_path / name for name in names(6)]
    for path in paths:
        path.write_bytes(png(9, 9))
    files = picked(uploads.page, paths)
    look = "(files) => Promise.all([...files].map((file) => file.slice(0, 1).arrayBuffer()))"
    uploads.page.evaluate(look, files)  # as the checks do
    change(paths[3])
    add = "for (const file of files) uploads.add({ file, path: file.name });"
    uploads.page.evaluate(f"(files) => {{ {add} uploads.flush(); }}", files)
    uploads.wait()
    assert uploads.refused == [["unreadable_file", ["03.png"]]]
    assert uploads.arrived == [name for name in names(6) if name != "03.png"]


def test_stop_gives_back_what_has_not_gone(uploads: Uploads, faults: Faults) -> None:
    faults.allow("net::ERR")
    _slow_down(uploads.page, 200_000)
    uploads.add(names(30), padding=100_000)
    uploads.wait("heard.accepted.length")
    left = uploads.page.evaluate("uploads.stop().map((entry) => entry.path)")
    uploads.page.evaluate("uploads.settled()")
    assert not uploads.page.evaluate("uploads.busy()")
    assert sorted(left + uploads.arrived) == names(30)
    assert not uploads.refused


def test_what_was_sent_whole_before_a_stop_is_accepted_before_it_is_settled(
    line: Line, on_line: Uploads
) -> None:
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go_on.wait(10)

    line.on_answer = hold
    on_line.add(names(1))
    assert held.wait(10)
    on_line.page.wait_for_function("sent.at(-1) > 0")
    on_line.page.wait_for_timeout(100)
    assert on_line.page.evaluate("uploads.stop().length") == 0
    go_on.set()
    on_line.page.evaluate("uploads.settled()")
    assert on_line.accepted == [names(1)]


def test_a_new_run_hears_nothing_of_the_old_one(uploads: Uploads) -> None:
    uploads.add(names(5))
    uploads.page.evaluate("uploads.stop(); window.session = 't'; window.sent = []")
    uploads.add(["new.png"])
    uploads.wait()
    assert uploads.accepted == [["new.png"]]
    assert max(uploads.page.evaluate("sent")) == len(png(9, 9)) + 1


def _answers(page: Page, answers: list[tuple[int, str]]) -> list[str]:
    """Something before the service answers in its place: statuses and Retry-After, then no more.

    Returns the Idempotency-Keys of the requests that it answers.
    """
    keys: list[str] = []

    def answer(route: Route) -> None:
        if not answers:
            return route.continue_()
        status, seconds = answers.pop(0)
        keys.append(route.request.headers["idempotency-key"])
        code = {409: "conflict", 500: "internal"}.get(status, "busy")
        headers = {"Retry-After": seconds} if seconds else {}
        return route.fulfill(status=status, headers=headers, json={"error": "No", "code": code})

    page.route(API, answer)
    return keys


def _slow_down(page: Page, bytes_per_second: int) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_per_second,
        },
    )
