"""The import rules between the rooms; imports inside functions count too."""

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

STANDARD = set(sys.stdlib_module_names)

CODECS = {
    "cykooz_resizer",
    "PIL",
    "mozjpeg_lossless_optimization",
    "oxipng",
    "pillow_avif",
    "pillow_heif",
    "pyjpegli",
}

# What each room may never import, beside the rules between rooms (pyproject.toml).
FORBIDDEN = {
    "api": {*CODECS, "celery", "kombu", "psycopg", "psycopg_pool", "minio"},
    "workers": {"flask", "werkzeug", "gunicorn", "psycopg", "psycopg_pool", "minio"},
    "shared": {"flask", "werkzeug", *CODECS},
}
CHECKOUT_ONLY = ("infra/attacks", "infra/benchmarks", "infra/chaos", "infra/dev", "tests")
IMAGING_MAY_IMPORT = {
    *CODECS,
    "shared.errors",
    "shared.imagetype",
    "shared.models",
    "shared.png_chunks",
    "workers.imaging",
}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def test_no_room_imports_one_that_it_must_not() -> None:
    linted = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_keeps_to_its_own_libraries(room: str) -> None:
    found = {
        (path.name, name)
        for path in modules(room)
        for name in imports_of(path)
        if name.partition(".")[0] in FORBIDDEN[room]
    }
    assert not found


def test_imaging_imports_only_codecs_models_and_errors() -> None:
    found = {
        (path.name, name)
        for path in modules("workers/imaging")
        for name in imports_of(path)
        if name.partition(".")[0] not in STANDARD
        and not any(name == may or name.startswith(f"{may}.") for may in IMAGING_MAY_IMPORT)
    }
    assert not found


def test_only_settings_and_process_entries_read_the_environment() -> None:
    entries = {
        "shared/settings.py",
        "api/__main__.py",
        "shared/supervised.py",  # between a supervisor and its children, and no setting
        "shared/private_folder.py",  # for a command that must start quickly
        "api/gunicorn_config.py",
        "workers/celery.py",
        "workers/codec_limits.py",  # what codecs themselves read there
    }
    found = {
        str(path.relative_to(ROOT))
        for room in ("api", "workers", "shared")
        for path in modules(room)
        if re.search(r"\bos\.environ\b|\bgetenv\b", path.read_text())
    }
    assert found <= entries


def test_only_the_queue_knows_a_chord() -> None:
    found = {
        str(path.relative_to(ROOT))
        for room in ("api", "workers", "shared")
        for path in modules(room)
        if any("chord" in name for name in imports_of(path)) or "import chord" in path.read_text()
    }
    assert found <= {"shared/clients/celery_queue.py"}


@pytest.mark.full
def test_the_wheel_holds_the_rooms_and_not_the_tests(tmp_path: Path) -> None:
    offline = ("--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    pip = (sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", str(tmp_path))
    subprocess.run([*pip, str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("fluximage-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    migrations = list((ROOT / "infra/migrations/versions").glob("*.py"))
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "api",
        "fluximage",  # the client, infra/client in the checkout
        "infra",
        "shared",
        "workers",
    }
    assert {f"infra/migrations/versions/{path.name}" for path in migrations} <= names
    pages = [
        path for folder in ("docs_page", "page") for path in (ROOT / "api" / folder).rglob("*.*")
    ]
    assert {str(path.relative_to(ROOT)) for path in pages} <= names
    assert len(pages) > 10
    assert not [name for name in names if name.startswith(CHECKOUT_ONLY)]
