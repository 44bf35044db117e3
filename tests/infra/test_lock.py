"""The lock files: complete, hashed, consistent, and without any network address."""

import re
import tomllib
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.paths import ROOT

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


class Pin(NamedTuple):
    """One line of a lock: name==version, perhaps for some machines only, with its hashes."""

    requirement: Requirement
    hashes: list[str]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return str(self.requirement.specifier).removeprefix("==")


def pins(path: str) -> list[Pin]:
    """All pins of the lock file at `path`, relative to the project."""
    text = (ROOT / path).read_text().replace("\\\n", " ")
    lines = [line.partition(" #")[0] for line in text.splitlines() if re.match(r"\w", line)]
    return [Pin(Requirement(first), rest) for first, *rest in (x.split("--hash=") for x in lines)]


def wanted(path: str) -> list[str]:
    """The requirements in the file at `path`, relative to the project."""
    lines = (ROOT / path).read_text().splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip()]


BUILD = wanted("infra/requirements-build.in")
SOURCES = {
    "infra/requirements.lock": list(PROJECT["dependencies"]),
    "infra/requirements-build.lock": BUILD,
    "infra/requirements-run.lock": [*PROJECT["dependencies"], *EXTRAS["embedded"], *BUILD],
    "infra/requirements-dev.lock": [
        *PROJECT["dependencies"],
        *(requirement for extra in EXTRAS.values() for requirement in extra),
        *BUILD,
    ],
}
LOCKS = {path: pins(path) for path in SOURCES}
MACHINES = [
    {"python_version": version, "python_full_version": f"{version}.0", "sys_platform": platform}
    for version, platform in product(["3.11", "3.12", "3.13", "3.14"], ["linux", "darwin"])
]

each_lock = pytest.mark.parametrize("path", SOURCES)


def pins_of(path: str) -> Iterator[tuple[Requirement, list[Pin]]]:
    """Each requirement of the project, with its pins in the lock file at `path`."""
    for requirement in map(Requirement, SOURCES[path]):
        name = canonicalize_name(requirement.name)
        yield requirement, [pin for pin in LOCKS[path] if pin.name == name]


@each_lock
def test_a_dependency_is_pinned_on_every_machine(path: str) -> None:
    for (requirement, found), machine in product(pins_of(path), MACHINES):
        markers = [pin.requirement.marker for pin in found]
        fits = [marker for marker in markers if not marker or marker.evaluate(machine)]
        assert len(fits) == 1, f"{requirement.name} for {machine}; run `make lock`"


@each_lock
def test_a_pin_has_a_version_and_the_extras_that_the_project_asks_for(path: str) -> None:
    for requirement, found in pins_of(path):
        for pin in found:
            assert requirement.specifier.contains(pin.version, prereleases=True), requirement
            assert requirement.extras <= pin.requirement.extras, requirement


@each_lock
def test_every_pin_names_one_version_and_has_hashes(path: str) -> None:
    assert LOCKS[path]
    for pin in LOCKS[path]:
        assert re.fullmatch(r"==[\w.!+]+", str(pin.requirement.specifier)), pin.name
        assert pin.hashes, pin.name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value.strip()) for value in pin.hashes)


@each_lock
def test_a_lock_names_no_place_on_a_network_or_a_disk(path: str) -> None:
    text = (ROOT / path).read_text()
    assert not re.search(r"://|\bwww\.|\.(?:org|com|net|io)\b|index-url|find-links", text)
    assert not re.search(r"(?:^|[\s=])/\w", text)


@each_lock
def test_a_lock_starts_with_the_command_that_makes_it(path: str) -> None:
    assert (ROOT / path).read_text().splitlines()[1] == "#    make lock"


@pytest.mark.parametrize("path", sorted(SOURCES.keys() - {"infra/requirements-dev.lock"}))
def test_what_is_shipped_is_what_was_tested(path: str) -> None:
    tested = {(pin.name, pin.version) for pin in LOCKS["infra/requirements-dev.lock"]}
    assert {(pin.name, pin.version) for pin in LOCKS[path]} <= tested


@pytest.mark.parametrize(
    ("path", "tools"),
    [
        ("infra/requirements.lock", [*EXTRAS["dev"], *BUILD]),
        ("infra/requirements-run.lock", EXTRAS["dev"]),
    ],
)
def test_the_image_and_the_demo_install_no_tool_of_development(path: str, tools: list[str]) -> None:
    names = {canonicalize_name(Requirement(text).name) for text in tools}
    assert not names & {pin.name for pin in LOCKS[path]}


def test_the_build_backend_is_the_one_of_the_project() -> None:
    assert set(PYPROJECT["build-system"]["requires"]) <= set(BUILD)


def test_the_docs_install_own_servers_from_the_locks_with_hashes() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    (lines,) = re.findall(r"```sh\n(python3 -m venv .*?)```", text, re.DOTALL)
    locked, ours = [line for line in lines.splitlines() if line.startswith("pip install")]
    assert "--require-hashes" in locked
    assert re.findall(r"-r (\S+)", locked) == [
        "infra/requirements.lock",
        "infra/requirements-build.lock",
    ]
    assert {"--no-deps", "--no-build-isolation"} <= set(ours.split())  # nothing without a hash
