"""The folders of file names: as clients send them, in every answer, and under Idempotency-Key."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from shared.db import idempotency
from tests.api.conftest import Still
from tests.api.raw import end, file_part, part, post
from tests.support.cases import every_case
from tests.support.client import Client, get
from tests.support.making import png

ASYNC = {"Prefer": "respond-async"}
Sent = list[tuple[str, bytes]]


def _paths(body: Any) -> list[tuple[str | None, str]]:
    return [(image["path"], image["file_name"]) for image in body["data"]]


def _by_curl(client: Client, files: Sent) -> Any:
    command = [
        "curl",
        "-s",
        f"{client.url}/api/compress",
        "-H",
        f"Authorization: Bearer {client.key}",
    ]
    with tempfile.NamedTemporaryFile() as picture:
        Path(picture.name).write_bytes(png())
        for name, _ in files:
            command += ["-F", f"file=@{picture.name};filename={name}"]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def _by_httpx(client: Client, files: Sent) -> Any:
    return client.compress(files).json()


def _by_a_browser(client: Client, files: Sent) -> Any:
    """As a form with webkitdirectory sends them: UTF-8, a quote as %22, nothing else escaped."""
    body = b"".join(file_part(name.replace('"', "%22"), data) for name, data in files) + end()
    return post(client.url, client.key, body).json()


def _by_dotnet(client: Client, files: Sent) -> Any:
    """Names in both spellings, of which the second one counts."""
    body = b"".join(
        part(f"name=file; filename=\"plain.png\"; filename*=utf-8''{quote(name, safe='')}", data)
        for name, data in files
    )
    return post(client.url, client.key, body + end()).json()


@pytest.mark.parametrize("send", [_by_curl, _by_httpx, _by_a_browser, _by_dotnet])
def test_folders_come_back_from_every_client(
    client: Client, send: Callable[[Client, Sent], Any]
) -> None:
    if send is _by_curl and not shutil.which("curl"):
        pytest.skip("curl is not installed")
    names = ["shoes/red/01.png", "Shoes/blue/01.png", r"shoes\red\02.png", "猫/ü 1.png", "x.png"]
    assert _paths(send(client, [(name, png()) for name in names])) == [
        ("shoes/red", "01.webp"),
        ("shoes/blue", "01.webp"),
        ("shoes/red", "02.webp"),
        ("猫", "ü 1.webp"),
        (None, "x.webp"),
    ]


@every_case(
    "sent, path",
    [
        ("../../etc/x.png", "etc"),
        ("/etc/x.png", None),
        (r"C:\photos\x.png", None),
        (r"\\server\share\x.png", None),
        ("//server/share/x.png", None),
        ("./x.png", None),
        ("a/./b//x.png", "a/b"),
        ("con/aux./x.png", "_con/_aux"),
        ("a\u202eb/\u200b/x.png", "ab"),
        ('a%22b;c="d/x.png', "a_b_c=_d"),
        ("=?UTF-8?B?c2hvZXMvLi4vcmVkL3gucG5n?=", "red"),
        ("=?UTF-8?Q?caf=C3=A9=2Fx.png?=", "café"),
        ("..%2f..%2fx.png", None),
    ],
)
def test_a_hostile_folder_comes_out_safe(still: Still, sent: str, path: str | None) -> None:
    body = file_part(sent.replace('="', r"=\""), png()) + end()
    answer = post(still.url, still.key, body, "Prefer: respond-async")
    still.work()
    [image] = still.call("GET", f"/api/sessions/{answer.json()['session_id']}").json()["data"]
    assert image["path"] == path
    assert 'filename="' + image["file_name"] in get(image["url"]).headers["Content-Disposition"]


def _refusal(response: httpx.Response) -> str:
    assert (response.status_code, response.json()["code"]) == (400, "invalid_field")
    return str(response.json()["error"])


@every_case(
    "folder, allowed",
    [
        ("/".join("abcdefghijk"), "have at most 10 levels, not 11"),
        (f"{'é' * 120}/{'é' * 120}/123456789012345678901", "be at most 500 bytes long, not 503"),
    ],
)
def test_a_folder_beyond_its_bounds_is_refused_with_the_files_name(
    still: Still, folder: str, allowed: str
) -> None:
    sentence = f"The folder of file x.png must {allowed}"
    assert _refusal(still.compress([(f"{folder}/x.png", png())])) == sentence
    assert _refusal(still.compress([("x.png", png())], {"path": folder})) == sentence


@every_case("folder", ["/".join("abcdefghij"), f"{'é' * 120}/{'é' * 120}/123456789012345678"])
def test_a_folder_within_its_bounds_is_kept(still: Still, folder: str) -> None:
    batch = still.compress([(f"{folder}/x.png", png())], headers=ASYNC).json()
    still.work()
    [image] = still.call("GET", f"/api/sessions/{batch['session_id']}").json()["data"]
    assert image["path"] == folder


def test_the_folder_of_a_watermark_is_not_looked_at(still: Still) -> None:
    body = file_part("x.png", png()) + part(
        f'name="watermarkFile"; filename="{"a/" * 11}logo.png"', png()
    )
    assert post(still.url, still.key, body + end(), "Prefer: respond-async").status == 202


def test_an_image_that_failed_says_its_folder(client: Client) -> None:
    body = client.compress([("notes/a.txt", b"text")], {"sessionId": "s"}).json()
    page = client.call("GET", "/api/sessions/s").json()
    for [error] in (body["errors"], page["errors"]):
        assert (error["original_name"], error["path"]) == ("a.txt", "notes")


def _with_paths(
    client: Client, files: list[str], paths: list[str], **headers: str
) -> httpx.Response:
    body = b"".join(file_part(name, png()) for name in files)
    body += b"".join(part('name="path"', path.encode()) for path in paths) + end()
    sent = headers | {"Content-Type": "multipart/form-data; boundary=----boundary"}
    return client.call("POST", "/api/compress", sent, content=body)


def test_the_field_path_says_the_folders_in_the_order_of_the_files(client: Client) -> None:
    body = _with_paths(client, ["1.png", "in/2.png", "3.png", "4.png"], ["b", r"a\c", "", "/d"])
    assert _paths(body.json()) == [
        ("b", "1.webp"),
        ("a/c", "2.webp"),
        (None, "3.webp"),
        (None, "4.webp"),
    ]


def test_the_field_path_may_end_with_the_files_own_name(client: Client) -> None:
    body = _with_paths(client, ["1.png", "2.png", "cat"], ["a/1.png", "2.png", "a/cat"])
    assert _paths(body.json()) == [("a", "1.webp"), (None, "2.webp"), ("a/cat", "cat.webp")]


@every_case("paths", [["a"], ["a"] * 3])
def test_another_count_of_paths_than_files_is_refused(still: Still, paths: list[str]) -> None:
    assert _refusal(_with_paths(still, ["1.png", "2.png"], paths)) == (
        f"path must be sent once for each file (2), not {len(paths)} times"
    )


def test_folders_are_part_of_what_an_idempotency_key_compares(still: Still) -> None:
    headers = {"Idempotency-Key": "k", **ASYNC}
    first = still.compress([("a/x.png", png())], headers=headers)
    assert first.status_code == 202
    for other in ("b/x.png", "A/x.png", "x.png"):
        assert still.compress([(other, png())], headers=headers).status_code == 422
    said = _with_paths(still, ["x.png"], ["a"], **headers)
    assert said.json()["batch_id"] == first.json()["batch_id"]


def test_a_request_without_folders_is_the_one_it_was_before_there_were_folders(
    still: Still,
) -> None:
    before = "6f6a33b75d05215c68eb0bb79cad968479444c0eb5d7a8beb6b854664f2fcf27"
    batch = still.compress([("x.png", b"x")], headers={"Idempotency-Key": "k", **ASYNC}).json()
    database, account_id = still.unit.database, still.account.id
    again = idempotency.begin(database, account_id, "k", bytes.fromhex(before), 3600)
    assert str(again) == batch["batch_id"]
