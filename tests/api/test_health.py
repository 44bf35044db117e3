"""Liveness, readiness, metrics, and what is refused while something is down or too much."""

import io
import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from shared import services, settings
from shared.services import Services
from tests.api.conftest import Still, in_process
from tests.support.client import Client, get
from tests.support.making import make_account, png
from tests.support.processes import eventually

STEPS = ("load", "decode", "encode", "save")

ASYNC = {"Prefer": "respond-async"}


def probe(url: str) -> "subprocess.CompletedProcess[str]":
    command = (sys.executable, "-m", "infra.commands.main", "probe", "api", "--url", url)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _metrics(client: Client) -> dict[str, float]:
    response = client.call("GET", "/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    lines = [line for line in response.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_live_and_ready_answer_without_a_key(service_url: str) -> None:
    for path in ("/health/live", "/health/ready"):
        response = get(service_url + path)
        assert (response.status_code, response.json()["status"]) == (200, "ok")


def test_ready_names_what_is_down(broken_url: str) -> None:
    response = get(f"{broken_url}/health/ready", timeout=60)
    assert response.status_code == 503
    assert response.json() == {
        "error": "Not ready: redis, store down",
        "code": "unavailable",
        "down": ["redis", "store"],
    }


def test_the_probe_of_the_api_says_what_its_readiness_says(
    service_url: str, broken_url: str
) -> None:
    good, bad, none = (probe(url) for url in (service_url, broken_url, "http://127.0.0.1:1"))
    assert (good.returncode, good.stdout, good.stderr) == (0, "Healthy: api\n", "")
    said = f"fluximage: {broken_url} answers 503: Not ready: redis, store down\n"
    assert (bad.returncode, bad.stdout, bad.stderr) == (1, "", said)
    assert none.returncode == 1
    assert none.stderr.startswith("fluximage: Nothing answers at http://127.0.0.1:1 ")


def test_live_answers_whatever_is_down(broken_url: str) -> None:
    assert get(f"{broken_url}/health/live").status_code == 200


def test_without_postgres_nothing_is_ready_and_calls_are_503(
    unit: Services, unit_environment: Mapping[str, str]
) -> None:
    unit.store.ping()
    down = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    built = services.build(settings.load(dict(unit_environment) | down))
    try:
        headers = {"Authorization": f"Bearer flx_live_{'0' * 40}"}
        with in_process(built) as client, ThreadPoolExecutor(2) as pool:
            calls = [  # each waits for a connection for five seconds
                pool.submit(client.application.test_client().get, path, headers=headers)
                for path in ("/health/ready", "/api/usage")
            ]
            ready, usage = (call.result() for call in calls)
    finally:
        built.close()
    assert (ready.status_code, (ready.json or {})["down"]) == (503, ["postgres"])
    assert usage.status_code == 503
    assert int(usage.headers["Retry-After"]) > 0
    assert usage.json == {
        "error": "The database is not available, try again shortly",
        "code": "unavailable",
    }


def test_without_the_store_a_batch_is_503_and_costs_nothing(
    broken_url: str, unit: Services
) -> None:
    account, key = make_account(unit)
    client = Client(broken_url, key, account)
    response = client.compress([("a.png", png())])
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.json() == {
        "error": "The object store is not available, try again shortly",
        "code": "unavailable",
    }
    assert client.call("GET", "/api/usage").json()["compressor_used"] == 0


def test_without_redis_calls_are_answered_from_the_rows(broken_url: str, still: Still) -> None:
    still.compress([("a.png", png())], {"sessionId": "s"}, ASYNC)
    still.work()
    client = Client(broken_url, still.key, still.account)
    page = client.call("GET", "/api/sessions/s", params={"wait": 1}).json()
    assert page["status"] == "completed"
    assert client.call("GET", "/metrics").status_code == 200


def test_without_redis_a_batch_is_taken_and_waits_in_its_rows(
    unit: Services, unit_environment: Mapping[str, str]
) -> None:
    _, key = make_account(unit)
    headers = {"Authorization": f"Bearer {key}"}
    down = {"REDIS_URL": "redis://127.0.0.1:1/0"}  # nobody listens there
    with (
        closing(services.build(settings.load(dict(unit_environment) | down))) as built,
        in_process(built) as client,
    ):
        files = {"file": (io.BytesIO(png()), "a.png")}
        response = client.post("/api/compress", headers=headers | ASYNC, data=files)
        poll = client.get(response.headers["Location"], headers=headers)
    assert (response.status_code, (response.json or {})["status"]) == (202, "queued")
    assert (poll.json or {})["progress"]["queued"] == 1
    with unit.database.transaction() as connection:
        [batch] = connection.execute("SELECT published_at FROM batches").fetchall()
    assert batch["published_at"] is None  # for the sweeper to publish


def test_metrics_count_images_by_result_and_format(client: Client) -> None:
    before = _metrics(client)
    client.compress([("a.png", png()), ("x.txt", b"x")], {"format": "avif"})
    for result in ("done", "failed"):
        name = f'fluximage_images_total{{format="avif",result="{result}"}}'
        assert eventually(lambda: _metrics(client).get(name) == before.get(name, 0) + 1)  # noqa: B023


def test_metrics_have_the_seconds_of_every_step(client: Client) -> None:
    client.compress([("a.png", png())])
    steps = [f'fluximage_step_seconds_count{{step="{step}"}}' for step in STEPS]
    assert eventually(lambda: {*steps} <= _metrics(client).keys())
    after = _metrics(client)
    for step in STEPS:
        assert after[f'fluximage_step_seconds_count{{step="{step}"}}'] >= 1
        assert after[f'fluximage_step_seconds_sum{{step="{step}"}}'] >= 0


def test_metrics_have_the_cpu_seconds_of_failed_images_too(client: Client) -> None:
    before = _metrics(client)["fluximage_cpu_seconds_total"]
    client.compress([("a.png", png()[:60])])
    assert eventually(lambda: _metrics(client)["fluximage_cpu_seconds_total"] > before)


def test_metrics_have_the_depth_and_age_of_the_queue(still: Still) -> None:
    assert _metrics(still)["fluximage_queue_images"] == 0
    still.compress([("a.png", png())] * 3, headers=ASYNC)
    _age_queue(still, 500)
    metrics = _metrics(still)
    assert metrics["fluximage_queue_images"] == 3
    assert 500 <= metrics["fluximage_queue_age_seconds"] < 600
    still.work(3)
    assert _metrics(still)["fluximage_queue_age_seconds"] == 0


def test_metrics_name_no_account_and_no_file(client: Client) -> None:
    client.compress([("secret-name.png", png())])
    text = client.call("GET", "/metrics").text
    assert "secret-name" not in text
    assert not re.search(r"account=|session", text)


def _age_queue(still: Still, seconds: int) -> None:
    with still.unit.database.transaction() as connection:
        connection.execute(
            "UPDATE images SET created_at = created_at - make_interval(secs => %s)", (seconds,)
        )


def test_a_batch_is_503_while_the_queue_is_too_old_and_nothing_is_stored(still: Still) -> None:
    first = still.compress([("a.png", png())], headers=ASYNC).json()
    _age_queue(still, 3601)
    stored = set(still.unit.store.list_batches())
    response = still.compress([("b.png", png())], headers=ASYNC | {"Idempotency-Key": "k"})
    assert response.status_code == 503
    assert response.json() == {
        "error": "Your images have waited for too long; try again later",
        "code": "queue_full",
    }
    assert int(response.headers["Retry-After"]) > 0
    with still.unit.database.transaction() as connection:
        rows = connection.execute("SELECT id FROM batches").fetchall()
    assert [str(row["id"]) for row in rows] == [first["batch_id"]]
    assert set(still.unit.store.list_batches()) == stored
    assert still.call("GET", "/api/usage").json()["compressor_used"] == 1


def test_one_accounts_old_backlog_does_not_shut_out_another(
    still: Still, still_stranger: Client
) -> None:
    still.compress([("a.png", png())], headers=ASYNC)
    _age_queue(still, 3601)
    assert still_stranger.compress([("b.png", png())], headers=ASYNC).status_code == 202


def test_ready_says_how_long_the_queue_is(still: Still, still_stranger: Client) -> None:
    still.compress([("a.png", png())] * 2, headers=ASYNC)
    still_stranger.compress([("a.png", png())], headers=ASYNC)
    _age_queue(still, 500)
    queue = get(f"{still.url}/health/ready").json()["queue"]
    assert 500 <= queue.pop("age_seconds") < 600
    assert queue == {"images": 3, "accounts": 2, "cpu_seconds": 0, "full": False}


def test_a_batch_is_taken_again_when_the_old_ones_are_done(still: Still) -> None:
    still.compress([("a.png", png())], headers=ASYNC)
    _age_queue(still, 3601)
    headers = ASYNC | {"Idempotency-Key": "k"}
    assert still.compress([("b.png", png())], headers=headers).status_code == 503
    still.work()
    assert still.compress([("b.png", png())], headers=headers).status_code == 202


def test_polls_and_repeats_go_on_while_the_queue_is_too_old(still: Still) -> None:
    headers = ASYNC | {"Idempotency-Key": "k"}
    still.compress([("a.png", png())], {"sessionId": "s"}, headers)
    _age_queue(still, 3601)
    assert still.call("GET", "/api/sessions/s").status_code == 200
    assert still.compress([("a.png", png())], {"sessionId": "s"}, headers).status_code == 202
