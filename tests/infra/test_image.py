"""The image: what goes into it, and, where buildah is at hand, what comes out and how it runs.

buildah builds without a daemon. Its base is the one that the Dockerfile names, or, where no
registry is reached, a Debian with Python that debootstrap makes. Layers are kept in `.image`.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.embedded import Stack
from infra.embedded.network import free_port
from infra.processes import IO, PERIODIC, WORKER, Process
from tests.support.client import Client, get
from tests.support.making import png
from tests.support.paths import ROOT
from tests.support.processes import eventually
from tests.test_rooms import CHECKOUT_ONLY

DOCKERFILE = (ROOT / "infra/container/Dockerfile").read_text()
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ROOMS = ("api", "infra", "shared", "workers")
SOURCES = [path.relative_to(ROOT) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
INSTALLED = [path for path in SOURCES if not str(path).startswith(CHECKOUT_ONLY)]

STORAGE = ROOT / ".image"
BUILDAH = ("buildah", "--root", str(STORAGE / "root"), "--runroot", str(STORAGE / "run"))
DEBIAN = "localhost/fluximage-debian"
MEGABYTES = 350
SECRET = "a-secret-that-strayed"
STRAYS = (".env", ".env.py", "id_rsa", "key.pem", "dump.sql", ".secrets/token.py", "cache/x.bin")
START_SECONDS = 60


def test_the_image_is_built_from_one_pinned_release_of_python() -> None:
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.\d+\.\d+-slim-[a-z]+$", DOCKERFILE, re.M)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)) == {"${PYTHON_IMAGE}"}


def test_the_labels_of_the_image_are_those_of_the_project() -> None:
    assert dict(re.findall(r'opencontainers\.image\.(\w+)="([^"]+)"', DOCKERFILE)) == {
        "title": PROJECT["name"],
        "description": PROJECT["description"],
        "version": PROJECT["version"],
        "licenses": PROJECT["license"],
        "revision": "${REVISION}",
    }


def test_the_build_is_shown_each_folder_of_the_service_and_only_files_by_their_kind() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    ignored, *shown = [line for line in lines if not line.startswith("#")]
    assert ignored == "*"
    assert [
        one
        for one in shown
        if not re.fullmatch(r"!.*(\.py|py\.typed|\w\.lock|\w\.toml|\w\.md|LICENSE)", one)
    ] == []
    assert {one for one in shown if one.endswith(".py")} == {
        f"!{path.parent}/*.py" for path in INSTALLED
    }


@dataclass(frozen=True)
class Built:
    """The image, its files, those of the stage that built it, and its configuration."""

    image: str
    root: Path
    build_root: Path
    config: dict[str, Any]


def buildah(*arguments: object, seconds: float = 600) -> str:
    command = (*BUILDAH, *map(str, arguments))
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr[-3000:]}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    if not shutil.which("buildah") or os.geteuid() != 0:
        pytest.skip("needs buildah, and root for what it mounts")
    STORAGE.mkdir(exist_ok=True)
    with (STORAGE / "lock").open("w") as lock, ExitStack() as undo:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the next process finds the layers
        context = _context(tmp_path_factory.mktemp("context"))
        base = _base(tmp_path_factory)
        stage = _build(context, base, "build", "--target", "build")
        image = _build(context, base, "image")
        config = json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]
        yield Built(
            image, undo.enter_context(_mounted(image)), undo.enter_context(_mounted(stage)), config
        )


def _context(folder: Path) -> Path:
    """A copy of the checkout with files in every folder that must not get into the image."""
    skipped = shutil.ignore_patterns(".*", "__pycache__", "samples")
    context = folder / "checkout"
    shutil.copytree(ROOT, context, ignore=skipped)
    shutil.copy(ROOT / ".dockerignore", context)
    for inner in [context, *(path for path in context.rglob("*") if path.is_dir())]:
        for stray in STRAYS:
            (inner / stray).parent.mkdir(exist_ok=True)
            (inner / stray).write_text(SECRET)
    return context


def _base(tmp_path_factory: pytest.TempPathFactory) -> str:
    match = re.search(r"PYTHON_IMAGE=(\S+)", DOCKERFILE)
    assert match
    for name in (f"docker.io/library/{match[1]}", DEBIAN):
        if buildah("images", "--quiet", "--filter", f"reference={name}"):
            return name
    pull = (*BUILDAH, "pull", "--quiet", f"docker.io/library/{match[1]}")
    if subprocess.run(pull, capture_output=True, timeout=300, check=False).returncode == 0:
        return f"docker.io/library/{match[1]}"
    return _debian(tmp_path_factory.mktemp("debian"))


def _debian(folder: Path) -> str:
    if not shutil.which("debootstrap"):
        pytest.skip("no registry is reached, and there is no debootstrap to make a base with")
    more = "--include=python3-venv,ca-certificates"
    command = ("debootstrap", "--variant=minbase", more, "trixie", str(folder / "root"))
    made = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if made.returncode:
        pytest.skip(f"neither a registry nor Debian is reached: {made.stdout[-200:]}")
    for unneeded in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(folder / "root" / unneeded)  # as in the slim images
    container = buildah("from", "scratch")
    buildah("add", container, folder / "root", "/")
    buildah("config", "--env", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
    buildah("commit", "--quiet", "--rm", container, DEBIAN)
    return DEBIAN


def _build(context: Path, base: str, tag: str, *more: str) -> str:
    """The image's name. pip gets this machine's settings, such as the authority of a proxy."""
    files = [
        path
        for path in ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
        if Path(path).exists()
    ]
    volumes = [word for path in files for word in ("--volume", f"{path}:{path}:ro")]
    name = f"localhost/fluximage-{tag}"
    buildah(
        *("build", "--isolation", "chroot", "--format", "docker", "--layers", "--timestamp", "0"),
        *("--build-arg", f"PYTHON_IMAGE={base}", *volumes, *more, "--tag", name),
        *("--file", context / "infra/container/Dockerfile", context),
    )
    return name


@contextmanager
def _mounted(image: str) -> Iterator[Path]:
    container = buildah("from", "--pull-never", image)
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("rm", container)


@contextmanager
def container(
    built: Built, command: list[str], environment: Mapping[str, str]
) -> Iterator["Container"]:
    """A process of the image as process 1, by the image's user, on a read-only file system.

    It shares the network of this machine. Only memory is writable, as in docker-compose.yml.
    """
    root = built.root
    prepare = f"""
        set -e
        mount --bind {root} {root}
        mount -o remount,bind,ro {root}
        mount -t proc proc {root}/proc
        mount --rbind /dev {root}/dev
        mount -t tmpfs -o mode=1777 tmpfs {root}/tmp
        exec setpriv --no-new-privs chroot --userspec={built.config["User"]} {root} "$@"
    """
    given = dict(one.split("=", 1) for one in built.config["Env"]) | dict(environment)
    variables = [f"{name}={value}" for name, value in given.items()]
    inner = ("env", "--ignore-environment", *variables, *command)
    unshare = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
    with subprocess.Popen(
        (*unshare, "sh", "-c", prepare, "sh", *inner),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as outer:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
        assert eventually(lambda: children.read_text().split() or outer.poll() is not None)
        try:
            yield Container(built, outer, int(children.read_text().split()[0]), variables)
        finally:
            outer.kill()


@dataclass(frozen=True)
class Container:
    """Its process 1 has the number `pid` outside."""

    built: Built
    outer: "subprocess.Popen[str]"
    pid: int
    variables: list[str]

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """A command within it, as an engine runs a health check."""
        uid, _, gid = self.built.config["User"].partition(":")
        enter = (
            "nsenter",
            "--target",
            str(self.pid),
            "--mount",
            "--pid",
            f"--setuid={uid}",
            f"--setgid={gid}",
            f"--root=/proc/{self.pid}/root",
        )
        inner = ("env", "--ignore-environment", *self.variables, *command)
        return subprocess.run(
            (*enter, *inner), capture_output=True, text=True, timeout=60, check=False
        )

    def is_healthy(self) -> bool:
        """What the image's own HEALTHCHECK says."""
        kind, *command = self.built.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        return self.run(*command).returncode == 0

    def ends(self) -> int:
        """Its exit code after SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)
        return self.outer.wait(30)


@pytest.mark.full
def test_no_file_that_strayed_into_the_checkout_is_in_the_image_or_its_build(built: Built) -> None:
    for root, folder in ((built.build_root, "src"), (built.root, "opt/fluximage")):
        grep = ("grep", "--recursive", "--files-with-matches", SECRET, str(root / folder))
        assert subprocess.run(grep, capture_output=True, text=True, check=False).stdout == ""
    names = {path.name for path in (built.root / "opt/fluximage").rglob("*")}
    assert not names & {*STRAYS, ".secrets", "tests", "benchmarks", "chaos"}
    assert [name for name in names if name.endswith(".pem")] == [
        "cacert.pem"
    ]  # public certificates


@pytest.mark.full
def test_every_module_of_the_service_is_in_the_image_and_no_other_file(built: Built) -> None:
    (packages,) = (built.root / "opt/fluximage/lib").glob("python3*/site-packages")
    found = {
        path.relative_to(packages)
        for room in ROOMS
        for path in (packages / room).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert found - {Path(room, "py.typed") for room in ROOMS} == set(INSTALLED)


@pytest.mark.full
def test_the_image_is_small(built: Built) -> None:
    (image,) = [
        one
        for one in json.loads(buildah("images", "--json"))
        if f"{built.image}:latest" in one["names"]
    ]
    size = float(image["size"].removesuffix(" MB"))
    assert size < MEGABYTES


@pytest.mark.full
def test_the_service_cannot_change_its_own_code(built: Built) -> None:
    owned = [path for path in (built.root / "opt/fluximage").rglob("*") if path.lstat().st_uid]
    assert owned == []
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", built.config["User"])


@pytest.mark.full
def test_an_image_is_compressed_by_processes_of_the_image_which_end_after_sigterm(
    built: Built, stack: Stack
) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    environment = stack.environment | {"PORT": str(port), "S3_BUCKET": "image"}
    web = [word.replace(":8080", f":{port}") for word in built.config["Cmd"]]

    def start(process: Process) -> Container:
        python = [] if process is WORKER or process is IO else ["python", "-m"]
        return ends.enter_context(container(built, [*python, *process.arguments], environment))

    with ExitStack() as ends:
        with container(
            built, ["fluximage", "migrate", "--wait-seconds=60"], environment
        ) as migrate:
            assert migrate.outer.wait(90) == 0, migrate.outer.communicate()
        running = {process.name: start(process) for process in (WORKER, IO, PERIODIC)}
        running["api"] = ends.enter_context(container(built, web, environment))
        assert eventually(lambda: all(one.is_healthy() for one in running.values()), START_SECONDS)
        create = ("fluximage", "accounts", "create", "image", "--plan", "pro", "--json")
        key = json.loads(running["api"].run(*create).stdout)["api_key"]
        answer = Client(url, key).compress([("a.png", png())])
        assert answer.status_code == 200, answer.text
        assert get(answer.json()["data"][0]["url"]).content[8:12] == b"WEBP"
        assert {name: one.ends() for name, one in running.items()} == dict.fromkeys(running, 0)


@pytest.mark.full
def test_a_command_that_waits_as_process_1_ends_after_sigterm(built: Built, stack: Stack) -> None:
    environment = stack.environment | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    waiting = ["fluximage", "migrate", "--wait-seconds=600"]
    with container(built, waiting, environment) as migrate:
        assert not eventually(lambda: migrate.outer.poll() is not None, 5)
        assert migrate.ends() == 128 + signal.SIGTERM
