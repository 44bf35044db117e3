"""A worker that can admit no image says so wherever an operator looks, and works on once it can."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from infra.commands.console import Console
from infra.commands.fault_watch import FaultWatch
from infra.processes import WORKER
from shared.clients import worker_reports
from shared.private_folder import RUN_DIR
from shared.services import Services
from tests.api.conftest import in_process
from tests.support.processes import eventually

ONE_PROCESS = (sys.executable, "-m", *replace(WORKER, concurrency=1).arguments)
PATIENCE_SECONDS = 60  # a worker starts in one or two, but not on a busy machine
WHY = "The folder for memory admission cannot be used: other users may change it"


def test_a_worker_whose_folder_others_may_change_is_an_error_in_health_until_it_is_well(
    unit: Services,
    unit_environment: Mapping[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_folder, log = tmp_path / "run", tmp_path / "log"
    (run_folder / "memory").mkdir(parents=True)
    (run_folder / "memory").chmod(0o777)
    environment = os.environ | dict(unit_environment) | {RUN_DIR: str(run_folder)}
    with in_process(unit) as client, Console() as out, log.open("wb") as stream:
        assert client.get("/health/ready").status_code == 200
        worker = subprocess.Popen(ONE_PROCESS, env=environment, stderr=stream)
        try:
            assert eventually(lambda: worker_reports.faults(unit.redis)[0], PATIENCE_SECONDS)
            (name,) = worker_reports.faults(unit.redis)[0]
            ill = client.get("/health/ready")
            watch = FaultWatch(run_folder, out)
            watch.look()
            watch.look()
            (run_folder / "memory").chmod(0o700)
            assert eventually(lambda: worker_reports.faults(unit.redis)[1], PATIENCE_SECONDS)
            assert client.get("/health/ready").status_code == 200
            watch.look()
        finally:
            worker.kill()
            worker.wait()
    assert name.startswith("images@")
    assert (ill.status_code, ill.json) == (
        503,
        {"error": f"Not ready: {name}: {WHY}", "code": "unavailable", "down": [name]},
    )
    assert capsys.readouterr().err.splitlines() == [
        f"fluximage: images (process {worker.pid}): {WHY}.",
        "fluximage: every process works again.",
    ]
    told = [json.loads(line)["message"] for line in log.read_text().splitlines()]
    (error,) = [line for line in told if "no image can be admitted" in line]
    assert str(run_folder / "memory") in error
    assert told.count("images are admitted again") == 1


def test_a_worker_that_can_do_no_work_is_named_while_others_go_on(unit: Services) -> None:
    worker_reports.report(unit.redis, "images@a", "it is tired")
    worker_reports.report(unit.redis, "images@b", "")
    with in_process(unit) as client:
        answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert (answer.json or {})["faults"] == {"images@a": "it is tired"}


def test_the_report_of_a_worker_that_is_gone_counts_no_more(unit: Services) -> None:
    worker_reports.report(unit.redis, "images@a", "it is tired")
    unit.redis.delete("fluximage:worker:images@a")  # as it expires
    assert worker_reports.faults(unit.redis) == ({}, False)
    assert unit.redis.scard("fluximage:workers") == 0
