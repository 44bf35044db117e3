"""Every command line of our processes is the one of infra/processes.py.

Each file may differ from the table only where this test says so.
"""

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest
import yaml

from infra.processes import PROCESSES, WEB, CeleryWorker, Process
from tests.support.paths import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
DOCKERFILE = (ROOT / "infra/container/Dockerfile").read_text()

PROGRAMS = {"celery"}  # installed as a program; other modules run by `python -m`
AI_CONCURRENCY = "${FLUXIMAGE_AI_CONCURRENCY:-32}"
# No number for `worker`: a process per core of the machine, which in a container is the host.
PROCFILE_CONCURRENCY = {"ai": AI_CONCURRENCY}
COMPOSE_CONCURRENCY = {
    "worker": "${WORKER_PROCESSES:-2}",
    "express": "${EXPRESS_PROCESSES:-2}",
    "ai": AI_CONCURRENCY,
}
PROCFILE_WEB = ("--bind", "0.0.0.0:${PORT:-8080}")
# The file system of a container is read-only, apart from memory.
CONTAINER_WEB = ("--bind", "0.0.0.0:8080", "--worker-tmp-dir", "/dev/shm", "--no-control-socket")

each_process = pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)


def expected(
    process: Process, concurrency: dict[str, str], web: tuple[str, ...]
) -> tuple[str, ...]:
    """The command line of the table, with the differences that a file may have."""
    if isinstance(process, CeleryWorker):
        count = concurrency.get(process.name, process.concurrency)
        process = replace(process, concurrency=count)
    python = () if process.module in PROGRAMS else ("python", "-m")
    return (*python, *process.arguments, *(web if process is WEB else ()))


def words(command: list[str]) -> tuple[str, ...]:
    """The command line with each --name=value as two words."""
    return tuple(part for word in command for part in split(word))


def split(word: str) -> list[str]:
    return word.split("=", 1) if word.startswith("--") else [word]


def test_procfile_has_every_process_and_no_other() -> None:
    assert list(PROCFILE) == [process.name for process in PROCESSES]


@each_process
def test_procfile_starts_a_process_as_the_table_says(process: Process) -> None:
    found = words(shlex.split(PROCFILE[process.name]))
    assert found == expected(process, PROCFILE_CONCURRENCY, PROCFILE_WEB)


@each_process
def test_compose_starts_a_process_as_the_table_says(process: Process) -> None:
    name = "api" if process is WEB else process.name
    found = words(COMPOSE[name]["command"])
    assert found == expected(process, COMPOSE_CONCURRENCY, CONTAINER_WEB)


def test_the_image_serves_the_api_unless_told_otherwise() -> None:
    command = DOCKERFILE.rpartition("\nCMD ")[2].replace("\\\n", "")
    assert words(json.loads(command)) == expected(WEB, {}, CONTAINER_WEB)
