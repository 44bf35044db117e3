"""Each call of the client, and each error as its exception."""

import io
import logging
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

import fluximage
from fluximage import Options, Source
from fluximage.backoff import Backoff, Stopped
from shared.plans import Plan
from shared.services import Services
from tests.client.line import Line
from tests.support.client import Client
from tests.support.making import fill_storage, make_account, png

PICTURE = Source(png(), "a/b/picture.png")


def test_a_batch_is_sent_waited_for_and_downloaded(flux: fluximage.Client, tmp_path: Path) -> None:
    batch = flux.send([PICTURE], Options(format="png", max_width=4), wait_seconds=None)
    (image,) = batch.images
    assert (batch.done, image.width, image.format) == (True, 4, "png")
    assert image.session_id == batch.session_id
    buffer = io.BytesIO()
    flux.download(image, buffer)
    flux.download(image, tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes() == buffer.getvalue()
    assert len(buffer.getvalue()) == image.compressed_size
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_a_batch_in_which_every_image_failed_is_a_result(flux: fluximage.Client) -> None:
    batch = flux.send([Source(b"text", "notes.txt")], wait_seconds=None)
    assert batch.done
    assert [error.error for error in batch.errors] == ["unsupported_image"]


def test_a_session_is_read_and_deleted(flux: fluximage.Client) -> None:
    flux.send([PICTURE], session_id="spring", wait_seconds=None)
    page = flux.session("spring")
    assert (page.status, len(page.images), page.next_cursor) == ("completed", 1, None)
    assert flux.delete("spring").images == ()


def test_usage_counts_and_a_rolled_key_goes_on(flux: fluximage.Client) -> None:
    flux.send([PICTURE], wait_seconds=None)
    key = flux.roll_key()
    assert flux.usage().compressor_used == 1
    assert flux.usage().images_left is None
    with fluximage.Client(flux.url, key) as other:
        assert other.usage().plan == "agency"


def test_an_account_says_whose_key_it_is(flux: fluximage.Client, client: Client) -> None:
    account = flux.account()
    assert (account.name, account.plan) == (client.account.name, "agency")
    assert account.ai
    assert account.period_started_at < datetime.now(UTC).isoformat() < account.period_ends_at


def test_a_broken_download_leaves_no_file(flux: fluximage.Client, tmp_path: Path) -> None:
    batch = flux.send([PICTURE], session_id="gone", wait_seconds=None)
    flux.delete("gone")
    with pytest.raises(fluximage.NotFound):
        flux.download(batch.images[0], tmp_path / "out.png")
    assert list(tmp_path.iterdir()) == []


def test_an_expired_link_is_replaced_by_a_fresh_one(flux: fluximage.Client) -> None:
    flux.send([PICTURE], session_id="s", wait_seconds=None)
    (image,) = flux.session("s").images
    expired = fluximage.Image(
        **{name: getattr(image, name) for name in image.__slots__}
        | {"url": image.url.replace("X-Amz-Expires=", "X-Amz-Expires=0")}
    )
    buffer = io.BytesIO()
    flux.download(expired, buffer)
    assert len(buffer.getvalue()) == image.compressed_size


def test_a_bad_field_is_a_bad_request_that_names_it(flux: fluximage.Client) -> None:
    with pytest.raises(fluximage.BadRequest, match="quality must be") as caught:
        flux.send([PICTURE], Options(quality=7))
    assert (caught.value.status, caught.value.code) == (400, "invalid_field")
    assert caught.value.request_id


def test_a_key_that_is_not_known_is_unauthorized(client: Client) -> None:
    stranger = fluximage.Client(client.url, "flx_live_" + "0" * 40)
    with stranger, pytest.raises(fluximage.Unauthorized) as caught:
        stranger.usage()
    assert "0" * 40 not in repr((caught.value, stranger))


def test_a_session_that_does_not_exist_is_not_found(flux: fluximage.Client) -> None:
    with pytest.raises(fluximage.NotFound, match="no such session"):
        flux.session("nowhere")


def test_ai_without_a_paid_plan_is_a_plan_error(client: Client, service: Services) -> None:
    _, key = make_account(service, Plan.FREE)
    free = fluximage.Client(client.url, key)
    with free, pytest.raises(fluximage.PlanError, match="paid plan") as caught:
        free.send([PICTURE], Options(alt_text=True))
    assert caught.value.code == "ia_not_available"


def test_a_post_to_a_deleted_session_is_a_conflict(flux: fluximage.Client) -> None:
    flux.send([PICTURE], session_id="gone", wait_seconds=None)
    flux.delete("gone")
    with pytest.raises(fluximage.Conflict):
        flux.send([PICTURE], session_id="gone", idempotency_key="k")


def test_a_service_that_is_away_is_temporary() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        away = fluximage.Client(url, "flx_live_x", retry_seconds=0)
        with away, pytest.raises(fluximage.Temporary, match="cannot be reached"):
            away.usage()


def test_each_wait_between_two_attempts_is_told() -> None:
    told: list[tuple[str, float]] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        tell = lambda error, seconds: told.append((error.code, seconds))  # noqa: E731 - one use
        away = fluximage.Client(url, "flx_live_x", retry_seconds=1, on_retry=tell)
        with away, pytest.raises(fluximage.Temporary):
            away.usage()
    assert {code for code, _ in told} == {"unreachable"}
    assert all(0 < seconds < 1 for _, seconds in told)


def test_a_key_with_other_files_names_the_batch_that_it_made(flux: fluximage.Client) -> None:
    first = flux.send([PICTURE], idempotency_key="k")
    with pytest.raises(fluximage.KeyReused) as caught:
        flux.send([PICTURE, PICTURE], idempotency_key="k")
    assert caught.value.batch_id == first.batch_id


def test_a_lost_answer_is_asked_for_again_and_paid_once(
    by_line: fluximage.Client, line: Line
) -> None:
    line.lose_answers = 2
    batch = by_line.send([PICTURE], idempotency_key="k", wait_seconds=None)
    assert len(batch.images) == 1
    assert line.cuts == 2
    assert by_line.usage().compressor_used == 1


def test_without_a_key_a_batch_is_sent_once(by_line: fluximage.Client, line: Line) -> None:
    line.lose_answers = 1
    with pytest.raises(fluximage.Temporary):
        by_line.send([PICTURE])
    assert by_line.usage().compressor_used == 1


@pytest.mark.parametrize("url", ["", "ftp://x", "127.0.0.1:80", "http://a:b@c", "http://c/?d"])
def test_an_address_that_cannot_be_is_said_at_once(url: str) -> None:
    with pytest.raises(fluximage.ConfigurationError, match="address"):
        fluximage.Client(url, "flx_live_x")


def test_a_malformed_key_is_not_repeated() -> None:
    with pytest.raises(fluximage.ConfigurationError) as caught:
        fluximage.Client("http://127.0.0.1", "flx_live_secret\nX-Other: 1")
    assert "secret" not in str(caught.value)


def test_no_log_has_the_key_or_a_signature(
    flux: fluximage.Client, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    batch = flux.send([PICTURE], wait_seconds=None)
    flux.download(batch.images[0], io.BytesIO())
    assert "HTTP Request: GET" in caplog.text
    assert client.key not in caplog.text
    assert "ignature=" not in caplog.text
    assert client.key not in repr(vars(flux))


def test_a_full_storage_is_a_plan_error(
    flux: fluximage.Client, client: Client, service: Services
) -> None:
    fill_storage(service, client.account)
    with pytest.raises(fluximage.PlanError, match="that the agency plan stores") as caught:
        flux.send([PICTURE], idempotency_key="k")
    assert (caught.value.status, caught.value.code) == (403, "storage_limit")


@pytest.mark.parametrize(("retry_seconds", "waits"), [(300, True), (3, False)])
def test_the_end_of_the_hour_is_waited_for_unless_a_person_waits_for_the_first_word(
    retry_seconds: float, waits: bool
) -> None:
    told: list[float] = []
    stop = threading.Event()
    stop.set()  # so that the wait itself takes no time
    backoff = Backoff(retry_seconds, stop, lambda _, seconds: told.append(seconds))
    error = fluximage.Temporary("…", code="work_limit", status=429, retry_after_seconds=3000)
    with pytest.raises(Stopped if waits else fluximage.Temporary):
        backoff.wait(error)
    assert [seconds >= 3000 for seconds in told] == [True] * waits
