"""The image: what goes into it, and, where buildah is at hand, what comes out and how it runs."""

import fcntl
import json
import re
import shutil
import signal
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.embedded import Stack
from infra.embedded.network import free_port
from infra.processes import IO, PERIODIC, WORKER
from tests.support import containers
from tests.support.client import get
from tests.support.containers import Built, Container, running
from tests.support.installations import installation
from tests.support.making import png
from tests.support.paths import ROOT
from tests.support.processes import eventually
from tests.test_rooms import CHECKOUT_ONLY

DOCKERFILE = (ROOT / "infra/container/Dockerfile").read_text()
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ROOMS = ("api", "infra", "shared", "workers")
SOURCES = [path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py")]
INSTALLED = {path for path in SOURCES if not str(path).startswith(CHECKOUT_ONLY)}
CLIENT = Path("infra/client")  # its package stands beside the others where it is installed
PAGES = {
    path.relative_to(ROOT)
    for folder in ("api/docs_page", "api/page")
    for path in (ROOT / folder).rglob("*.*")
}

IMAGE = "localhost/fluximage-tested"
STAGE = "localhost/fluximage-tested-build"
MEGABYTES = 380  # 120 are the base, 15 cryptography, 10 what the command line colours with
SECRET = "a-secret-that-strayed"
STRAYS = (".env", ".env.py", "id_rsa", "key.pem", "dump.sql", ".secrets/token.py", "cache/x.bin")
START_SECONDS = 60


def really(test: Callable[..., None]) -> Callable[..., None]:
    """Marks a test on the built image; the first one builds it, and waits for other processes."""
    marked: Callable[..., None] = pytest.mark.full(pytest.mark.timeout(1800)(test))
    return marked


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


def test_the_build_is_shown_the_modules_of_the_service_and_hardly_anything_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    first, *shown, last = [line for line in lines if not line.startswith("#")]
    assert (first, last) == ("*", "**/.*")  # what is hidden stays out in any case
    others = {"pyproject.toml", "README.md", "LICENSE", "*/py.typed"}
    others |= {"infra/client/fluximage/py.typed"}
    locks = {"infra/requirements.lock", "infra/requirements-build.lock"}
    modules = {f"{path.parent}/*{path.suffix}" for path in INSTALLED | PAGES}
    assert {line.removeprefix("!") for line in shown} == others | locks | modules


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Builds IMAGE, and STAGE, which shows what its build was given."""
    containers.needs_buildah()
    (default,) = re.findall(r"(?m)^ARG PYTHON_IMAGE=(\S+)", DOCKERFILE)
    # Of several test processes, the first builds, and the others find its layers.
    with (Path(tempfile.gettempdir()) / "fluximage-image-test.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        base = containers.base(f"docker.io/library/{default}", tmp_path_factory.mktemp("base"))
        context = _context(tmp_path_factory.mktemp("context"))
        dockerfile = context / "infra/container/Dockerfile"
        argument = f"--build-arg=PYTHON_IMAGE={base}"
        containers.build(dockerfile, context, STAGE, argument, "--target=build")
        containers.build(dockerfile, context, IMAGE, argument)
        yield


@pytest.fixture(scope="module")
def image(names: None) -> Iterator[Built]:  # noqa: ARG001 - it is built first
    with containers.mounted(IMAGE) as built:
        yield built


def _context(folder: Path) -> Path:
    """A copy of the checkout with files in every folder that must not get into the image."""
    context = folder / "checkout"
    shutil.copytree(ROOT, context, ignore=shutil.ignore_patterns(".*", "__pycache__", "samples"))
    shutil.copy(ROOT / ".dockerignore", context)
    for inner in [context, *(path for path in context.rglob("*") if path.is_dir())]:
        for stray in STRAYS:
            (inner / stray).parent.mkdir(exist_ok=True)
            (inner / stray).write_text(SECRET)
    return context


def _holding(text: str, folder: Path) -> str:
    grep = ("grep", "--recursive", "--files-with-matches", text, str(folder))
    return subprocess.run(grep, capture_output=True, text=True, check=False).stdout


@really
def test_nothing_that_strayed_into_the_checkout_is_in_the_image_or_its_build(image: Built) -> None:
    with containers.mounted(STAGE) as stage:
        assert _holding("flask", stage.root / "src")
        assert _holding(SECRET, stage.root / "src") == ""
    installed = image.root / "opt/fluximage"
    assert _holding(SECRET, installed) == ""
    files = {path.name for path in installed.rglob("*")}
    assert not files & {"tests", "benchmarks", "chaos", *STRAYS}
    assert {name for name in files if name.endswith((".pem", ".key"))} == {"cacert.pem"}


@really
def test_every_module_of_the_service_is_in_the_image_and_no_other_file(image: Built) -> None:
    (packages,) = (image.root / "opt/fluximage/lib").glob("python3*/site-packages")
    tops = (*ROOMS, "fluximage")
    files = [path for top in tops for path in (packages / top).rglob("*") if path.is_file()]
    found = {path.relative_to(packages) for path in files if path.suffix != ".pyc"}
    modules = {
        path.relative_to(CLIENT) if path.is_relative_to(CLIENT) else path for path in INSTALLED
    }
    assert found == modules | PAGES | {Path(top, "py.typed") for top in tops}


@really
def test_the_image_is_small(image: Built) -> None:
    number, unit = containers.buildah("images", "--format={{.Size}}", image.name).split()
    assert unit == "MB"
    assert float(number) < MEGABYTES


@really
def test_the_service_is_not_root_and_owns_none_of_its_files(image: Built) -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", image.config["User"])
    assert not [path for path in (image.root / "opt").rglob("*") if path.lstat().st_uid]


@really
def test_an_image_is_compressed_by_containers_that_are_healthy_and_end_after_sigterm(
    image: Built, stack: Stack
) -> None:
    port = free_port()
    commands = {
        "api": [word.replace(":8080", f":{port}") for word in image.config["Cmd"]],
        "worker": ["python", "-m", *WORKER.arguments],
        "io": ["python", "-m", *IO.arguments],
        "periodic": ["python", "-m", *PERIODIC.arguments],
    }
    with ExitStack() as ends:
        # Apart from the service of other tests, whose workers would take this image.
        environment = ends.enter_context(installation(stack, 4)) | {"PORT": str(port)}
        environment.pop("FLUXIMAGE_RUN_DIR")  # a container has a folder of its own
        migrate = running(image, ["fluximage", "migrate", "--wait-seconds=60"], environment)
        assert ends.enter_context(migrate).outer.wait(90) == 0
        all_: dict[str, Container] = {
            name: ends.enter_context(running(image, command, environment))
            for name, command in commands.items()
        }
        assert eventually(lambda: all(one.is_healthy() for one in all_.values()), START_SECONDS)
        create = ("fluximage", "accounts", "create", "image", "--plan", "pro", "--json")
        key = json.loads(all_["api"].run(*create).stdout)["api_key"]
        answer = httpx.post(
            f"http://127.0.0.1:{port}/api/compress",
            headers={"Authorization": f"Bearer {key}"},
            files={"file": ("a.png", png())},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        assert get(answer.json()["data"][0]["url"]).content[8:12] == b"WEBP"
        assert {name: one.stop() for name, one in all_.items()} == dict.fromkeys(all_, 0)


@really
def test_a_command_that_waits_as_process_1_ends_after_sigterm(image: Built, stack: Stack) -> None:
    nowhere = stack.environment | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    with running(image, ["fluximage", "migrate", "--wait-seconds=600"], nowhere) as waiting:
        assert not eventually(lambda: waiting.outer.poll() is not None, 5)
        assert waiting.stop() == 128 + signal.SIGTERM
