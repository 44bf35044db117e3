"""`fluximage check`: images against limits, and in the full install the servers too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.command.conftest import Fx, environment
from tests.support.making import png


@pytest.fixture
def static(here: Path) -> Path:
    for name, width in (("small.png", 100), ("red/large.png", 2000), ("print/poster.png", 5000)):
        (here / "static" / name).parent.mkdir(parents=True, exist_ok=True)
        (here / "static" / name).write_bytes(png(width, 50))
    (here / "static/notes.txt").write_text("x" * 99999)
    return here / "static"


def test_what_is_above_a_limit_is_told_and_ends_with_3(fx: Fx, static: Path) -> None:
    told = fx("check", "static", "--max-width", 1600, "--exclude", "print/")
    assert told.returncode == 3
    assert "static/red/large.png: 2000 pixels wide, allowed are 1600" in told.stdout
    assert "1 of 2 images above the limits" in told.stdout
    assert "fluximage compress static --in-place --max-width 1600" in told.stdout
    size = (static / "red/large.png").stat().st_size
    assert fx("check", static, "--max-bytes", size, "--exclude", "print/").returncode == 0
    above = fx("check", static / "red/large.png", "--max-bytes", size - 1, "--max-height", 49)
    assert f"{size:,} bytes, allowed are {size - 1:,}; 50 pixels high" in above.stdout
    assert fx("check", static, "--max-width", 5000).stdout == "3 images are within the limits.\n"


def test_a_header_that_cannot_be_read_is_named_where_it_is_needed(fx: Fx, static: Path) -> None:
    (static / "small.png").write_bytes(png()[:20])
    assert fx("check", static, "--max-bytes", "1MB").returncode == 0
    told = fx("check", static, "--max-width", 5000)
    assert told.returncode == 3
    assert "small.png: its png header is damaged" in told.stdout


def test_a_program_gets_a_line_for_each_image_and_a_summary(fx: Fx, static: Path) -> None:
    assert static.is_dir()
    *images, summary = map(
        json.loads, fx("check", "static", "--max-width", 1600, "--json").stdout.splitlines()
    )
    assert {one["source"]: one["above"] for one in images} == {
        "static/print/poster.png": ["width"],
        "static/red/large.png": ["width"],
        "static/small.png": [],
    }
    assert summary == {
        "type": "summary", "images": 3, "above": 2, "unreadable": 0, "exit_status": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Nothing to check"),
        (["static"], "No limit"),
        (["nowhere", "--max-width", "1"], "nowhere does not exist"),
        (["static", "--max-bytes", "300 kilo"], "Write 300000, 300kB or 2MiB"),
        (["static", "--max-bytes", "0"], "is no size"),
    ],
)
def test_a_wrong_use_is_answered_with_what_to_type(
    arguments: list[str], told: str, fx: Fx, static: Path
) -> None:
    assert static.is_dir()
    refused = fx("check", *arguments)
    assert refused.returncode == 2
    assert told in refused.stderr


@pytest.mark.parametrize(
    ("size", "count"), [("300kB", 300_000), ("2MiB", 2**21), ("1.5 MB", 1_500_000)]
)
def test_sizes_have_units(size: str, count: int, fx: Fx, static: Path) -> None:
    (static / "small.png").write_bytes(png() + bytes(count))
    told = fx("check", static / "small.png", "--max-bytes", size).stdout
    assert f"allowed are {count:,}" in told


def test_in_the_full_install_it_checks_images_with_a_path_and_else_the_servers(
    static: Path, service_environment: dict[str, str]
) -> None:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = (sys.executable, "-m", "infra.commands.main", "check", *arguments)
        env = environment() | service_environment
        return subprocess.run(command, env=env, capture_output=True, text=True)

    images = run(str(static), "--max-width", "1600")
    assert (images.returncode, "2 of 3 images above" in images.stdout) == (3, True)
    servers = run()
    assert servers.returncode in (0, 1)
    assert "Postgres" in servers.stderr or "settings of the servers" in servers.stdout
    assert "Nothing to check" in run("--max-width", "1600").stderr
