"""The light install: the client without the service and what the service needs."""

import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.paths import ROOT

_ONE_CALL = """
import sys, fluximage
with fluximage.Client() as client:
    assert client.usage().plan == "agency"
heavy = {"celery", "PIL", "flask", "psycopg", "redis", "minio", "rich"} & sys.modules.keys()
assert not heavy, heavy
"""


def test_the_client_asks_for_the_versions_that_the_service_does() -> None:
    light, full = (
        tomllib.loads((ROOT / path).read_text())["project"]
        for path in ("infra/client/pyproject.toml", "pyproject.toml")
    )
    assert set(light["dependencies"]) <= set(full["dependencies"])
    assert light["optional-dependencies"]["mcp"] == full["optional-dependencies"]["mcp"]
    for same in ("version", "license", "requires-python"):
        assert light[same] == full[same]


@pytest.mark.full
def test_the_light_install_makes_a_call_without_the_service(client: Client, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check")
    subprocess.run((*pip, "install", ROOT / "infra/client"), check=True)
    subprocess.run(
        (python, "-c", _ONE_CALL),
        check=True,
        cwd=tmp_path,
        env={"FLUXIMAGE_URL": client.url, "FLUXIMAGE_API_KEY": client.key},
    )
    listed = subprocess.run(
        (*pip, "list", "--format=freeze"), check=True, capture_output=True, text=True
    )
    names = {line.partition("==")[0].lower() for line in listed.stdout.splitlines()}
    assert not names & {"celery", "pillow", "flask", "psycopg", "redis", "gunicorn"}


def test_importing_the_client_loads_only_what_a_call_needs() -> None:
    code = "import sys, fluximage; assert not {'rich', 'click', 'PIL'} & sys.modules.keys()"
    subprocess.run((sys.executable, "-c", code), check=True, cwd=ROOT / "infra/client")
