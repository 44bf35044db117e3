"""GET /api/sessions/{id}/archive: what is in the ZIP, and that a fault never makes a short one."""

import csv
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from api.archive import stream_archive
from infra.benchmarks.many_images import make_session
from infra.chaos.store_proxy import Mode, StoreProxy
from shared.clients import slots
from shared.db import archives
from shared.errors import TooManyRequestsError
from shared.services import Services
from tests.api.conftest import Start, Still, in_process
from tests.api.raw import exchange, head
from tests.support.client import Client, get
from tests.support.making import make_account, png
from tests.support.memory_store import with_memory_store
from tests.support.processes import descendants, eventually

LATER = {"Prefer": "respond-async"}
PATH = "/api/sessions/s/archive"
# So large that neither the system's buffers nor what is read ahead hold it.
LARGE = [os.urandom(1_000_000)]


def opened(response: httpx.Response) -> zipfile.ZipFile:
    """The archive of an answer, each of its files checked by its CRC."""
    assert response.status_code == 200, response.text
    archive = zipfile.ZipFile(io.BytesIO(response.content))
    assert archive.testzip() is None
    return archive


def manifest_of(archive: zipfile.ZipFile) -> dict[str, object]:
    found: dict[str, object] = json.loads(archive.read("manifest.json"))
    return found


@contextmanager
def downloading(client: Client) -> Iterator[socket.socket]:
    """A download that has begun, of which nothing is read."""
    address = urlsplit(client.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(head(client.key, method="GET", path=PATH))
        assert connection.recv(12) == b"HTTP/1.1 200"
        yield connection


def test_an_archive_has_each_finished_image_in_its_folder_and_the_manifests_last(
    client: Client,
) -> None:
    names = ["目录/照片.png", "shoes/a.png", "SHOES/A.jpg", "b.png", "notes.txt"]
    files = [(name, b"text" if name == "notes.txt" else png()) for name in names]
    client.compress(files, {"sessionId": "s"})
    response = client.call("GET", PATH)
    with opened(response) as archive:
        listed = archive.namelist()
        assert sorted(listed[:-2]) == [
            *("b.webp", "shoes/A-2.webp", "shoes/a.webp", "目录/照片.webp"),
        ] or sorted(listed[:-2]) == [
            *("b.webp", "shoes/A.webp", "shoes/a-2.webp", "目录/照片.webp"),
        ]
        assert listed[-2:] == ["manifest.json", "manifest.csv"]
        infos = archive.infolist()
        assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}
        assert {info.external_attr >> 16 for info in infos} == {0o100644}
        page = client.call("GET", "/api/sessions/s").json()
        for image in page["data"]:
            path = "/".join(filter(None, (image["path"], image["file_name"])))
            assert archive.read(path) == get(image["url"]).content
    headers = response.headers
    assert headers["Content-Type"] == "application/zip"
    assert (
        headers["Content-Disposition"] == "attachment; filename=\"s.zip\"; filename*=UTF-8''s.zip"
    )
    assert headers["Accept-Ranges"] == "none"
    assert headers["Cache-Control"] == "no-store"


def test_the_manifests_say_what_became_of_each_image(client: Client) -> None:
    client.compress([("=x/+1.png", png()), ("notes.txt", b"text")], {"sessionId": "s"})
    with opened(client.call("GET", PATH)) as archive:
        manifest = manifest_of(archive)
        table = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode("utf-8-sig"))))
    assert (manifest["session_id"], manifest["complete"]) == ("s", True)
    images = {row["old_path"]: row for row in manifest["images"]}  # type: ignore[attr-defined]
    page = client.call("GET", "/api/sessions/s").json()
    [done], [failed] = page["data"], page["errors"]
    row = images["=x/+1.png"]
    assert row["new_path"] == "=x/+1.webp"
    assert (row["error"], row["message"]) == (None, None)
    assert {name: row[name] for name in done.keys() & row.keys()} == {
        name: done[name] for name in done.keys() & row.keys()
    }
    assert images["notes.txt"]["new_path"] is None
    assert images["notes.txt"]["error"] == failed["error"] == "unsupported_image"
    assert images["notes.txt"]["message"] == failed["message"]
    assert {row["old_path"] for row in table} == {"'=x/+1.png", "notes.txt"}
    assert {row["new_path"] for row in table} == {"'=x/+1.webp", ""}


def test_a_folder_named_as_a_manifest_gets_its_place_and_so_does_the_manifest(
    client: Client,
) -> None:
    client.compress([("Manifest.JSON/a.png", png())], {"sessionId": "s"})
    with opened(client.call("GET", PATH)) as archive:
        assert archive.namelist() == [
            "Manifest.JSON/a.webp",
            "manifest-2.json",
            "manifest.csv",
        ]


def test_while_images_are_open_an_archive_has_what_has_ended_and_says_so(still: Still) -> None:
    still.compress([("a.png", png()), ("b.png", png())], {"sessionId": "s"}, LATER)
    assert still.call("GET", PATH).status_code == 404
    still.work()
    with opened(still.call("GET", PATH)) as archive:
        assert archive.namelist() == ["a.webp", "manifest.json", "manifest.csv"]
        assert manifest_of(archive)["complete"] is False
    still.work()
    with opened(still.call("GET", PATH)) as archive:
        assert len(archive.namelist()) == 4
        assert manifest_of(archive)["complete"] is True


def test_head_has_the_headers_and_a_range_is_not_taken(client: Client) -> None:
    client.compress([("a.png", png())], {"sessionId": "s"})
    answer = client.call("HEAD", PATH)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="s.zip"')
    assert "Content-Length" not in answer.headers
    with opened(client.call("GET", PATH, {"Range": "bytes=10-20"})) as archive:
        assert "a.webp" in archive.namelist()


@pytest.mark.skipif(not shutil.which("unzip"), reason="apt install unzip")
def test_unzip_reads_an_archive_and_its_names(client: Client, tmp_path: Path) -> None:
    client.compress([("目录/照片.png", png())], {"sessionId": "s"})
    file = tmp_path / "s.zip"
    file.write_bytes(client.call("GET", PATH).content)
    environment = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
    unzip = shutil.which("unzip")
    assert unzip
    subprocess.run([unzip, "-q", file, "-d", tmp_path], check=True, env=environment)
    assert (tmp_path / "目录/照片.webp").stat().st_mode & 0o777 == 0o644


@pytest.mark.full
def test_an_archive_of_more_than_65535_images_is_read_by_zipfile(unit: Services) -> None:
    services = with_memory_store(unit)
    account, key = make_account(unit)
    make_session(services, account.id, "s", 66_000, [b"image"])
    with in_process(services) as client:
        response = client.get(PATH, headers={"Authorization": f"Bearer {key}"})
        with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
            assert len(set(archive.namelist())) == 66_002
            assert archive.read(archive.namelist()[65_999]) == b"image"


def test_a_store_that_fails_for_a_moment_cuts_nothing(
    unit: Services, unit_environment: Mapping[str, str], start_api: Start
) -> None:
    with (
        StoreProxy(unit_environment["S3_ENDPOINT"]) as store,
        start_api(dict(unit_environment) | {"S3_ENDPOINT": store.url}) as process,
    ):
        account, key = make_account(unit)
        client = Client(process.url, key, account)
        make_session(unit, account.id, "s", 8, LARGE)
        with downloading(client) as connection:
            store.turn(Mode.HANG)  # the next part
            received = connection.recv(65536)
            store.turn(Mode.THROUGH)  # ends what hung
            received += _read_to_end(connection)
        assert received.endswith(b"0\r\n\r\n")
        assert "cut off" not in process.log.read_text()


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_an_object_that_is_gone_resets_the_connection(still: Still, version: str) -> None:
    make_session(still.unit, still.account.id, "s", 8, LARGE)
    with still.unit.database.transaction() as connection:
        connection.execute(
            "UPDATE images SET output_key = 'gone' WHERE session_id ="
            " (SELECT id FROM sessions WHERE account_id = %s) AND ended_number = 8",
            (still.account.id,),
        )
    request = head(still.key, method="GET", path=PATH).replace(
        b"HTTP/1.1", b"HTTP/" + version.encode()
    )
    with pytest.raises(OSError, match="reset"):
        exchange(still.url, [request])
    # Its slot and its place are free again.
    assert eventually(lambda: not still.unit.redis.keys("fluximage:slots:*"))


def test_a_session_that_is_deleted_meanwhile_resets_the_connection(still: Still) -> None:
    make_session(still.unit, still.account.id, "s", 250, LARGE)  # more than a page of rows
    with downloading(still) as connection:
        still.call("DELETE", "/api/sessions/s")
        with pytest.raises(OSError, match="reset"):
            _read_to_end(connection)


def _read_to_end(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(1_000_000):
        received += piece
    return received


def test_an_account_downloads_two_archives_at_a_time(still: Still) -> None:
    make_session(still.unit, still.account.id, "s", 8, LARGE)
    with downloading(still):
        with downloading(still):
            refused = still.call("GET", PATH)
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert refused.headers["Retry-After"] == "10"
        assert eventually(lambda: still.call("HEAD", PATH).status_code == 200)
        assert eventually(lambda: still.call("GET", PATH).status_code == 200)


@pytest.mark.full  # it waits for the next process
def test_a_slot_of_a_killed_process_is_free_when_its_lease_ends(
    unit: Services, unit_environment: Mapping[str, str], start_api: Start
) -> None:
    with start_api(unit_environment) as process:
        account, key = make_account(unit)
        client = Client(process.url, key, account)
        make_session(unit, account.id, "s", 8, LARGE)
        name = f"fluximage:slots:archives:{account.id}"
        with downloading(client), downloading(client):
            assert unit.redis.zcard(name) == 2
            [worker] = descendants(process.pid)
            os.kill(worker, signal.SIGKILL)
        assert eventually(lambda: _answers(client, 429), seconds=60)  # of the next process
        assert 0 < unit.redis.ttl(name) <= slots.LEASE_SECONDS
        for token in unit.redis.zrange(name, 0, -1):  # as if the time had passed
            unit.redis.zadd(name, {str(token): time.time() - 1})
        assert client.call("GET", PATH).status_code == 200


def _answers(client: Client, status: int) -> bool:
    try:
        return client.call("GET", PATH).status_code == status
    except httpx.TransportError:  # nobody listens yet
        return False


def test_while_redis_is_down_an_archive_comes(broken_url: str, unit: Services) -> None:
    account, key = make_account(unit)
    client = Client(broken_url, key, account)
    make_session(unit, account.id, "s", 1, [b"image"])
    # The store is down too, so it is cut off; nobody was refused before.
    with pytest.raises(httpx.TransportError):
        client.call("GET", PATH)


def test_a_slot_is_kept_for_as_long_as_it_is_taken_again(unit: Services) -> None:
    first, second, third = (slots.Slot(unit.redis, "x", 2) for _ in range(3))
    first.take()
    second.take()
    first.take()
    with pytest.raises(TooManyRequestsError):
        third.take()
    second.free()
    third.take()
    with pytest.raises(TooManyRequestsError):
        second.take()


def test_an_archive_whose_images_expire_meanwhile_is_cut(unit: Services) -> None:
    services = with_memory_store(unit)
    account, _ = make_account(unit)
    make_session(services, account.id, "s", 250, [b"image"])  # more than a page of rows
    scope = archives.scope_of(unit.database, account.id, "s")
    chunks = stream_archive(services, scope, lambda: None)
    next(chunks)
    with unit.database.transaction() as connection:
        connection.execute("UPDATE images SET output_key = NULL")  # the objects are there still
    with pytest.raises(BrokenPipeError):
        list(chunks)


def test_an_object_that_is_too_short_cuts_the_archive(unit: Services) -> None:
    services = with_memory_store(unit)
    account, _ = make_account(unit)
    make_session(services, account.id, "s", 1, [b"image"])
    with unit.database.transaction() as connection:
        connection.execute("UPDATE images SET compressed_size = 6")
    scope = archives.scope_of(unit.database, account.id, "s")
    with pytest.raises(BrokenPipeError):
        list(stream_archive(services, scope, lambda: None))
