"""How pip-audit's report is read. Its form is that of pip-audit 2.10."""

import json
import sys
from typing import Any

import pytest

from infra.dev.audit import COMMAND, audit
from tests.support.paths import ROOT

CLEAN = {"name": "flask", "version": "3.1.2", "vulns": []}
FOUND = {
    "name": "jinja2",
    "version": "3.1.2",
    "vulns": [{"id": "PYSEC-2024-1", "fix_versions": ["3.1.3"], "aliases": []}],
}
SKIPPED = {"name": "private", "skip_reason": "Dependency not found on PyPI: private (1.0)"}


def run(report: Any, code: int, error: str = "") -> int:
    """The exit code for a pip-audit that writes this and ends with that code."""
    text = "" if report is None else json.dumps({"dependencies": report, "fixes": []})
    program = f"import sys; print({text!r}); sys.stderr.write({error!r}); sys.exit({code})"
    return audit([sys.executable, "-c", program])


def test_a_finding_fails_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([CLEAN, FOUND, SKIPPED], 1) == 1
    told = capsys.readouterr().out
    assert "2 packages audited, 1 could not be" in told
    assert "jinja2 3.1.2: PYSEC-2024-1, fixed in 3.1.3" in told


def test_no_finding_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([CLEAN], 0) == 0
    assert "\n0 known vulnerabilities" in capsys.readouterr().out


def test_a_missing_network_passes_and_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(None, 1, "a trace\nConnectionError: Failed to resolve 'pypi.org'") == 0
    told = capsys.readouterr().out
    assert told == "Not audited: ConnectionError: Failed to resolve 'pypi.org'\n"


def test_an_index_without_such_data_passes_and_is_reported(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([SKIPPED], 0) == 0
    assert "0 packages audited, 1 could not be" in capsys.readouterr().out


def test_what_is_audited_is_what_is_installed() -> None:
    lock = COMMAND[COMMAND.index("--requirement") + 1]
    assert f"$(DEV): {lock}" in (ROOT / "Makefile").read_text()
    assert (ROOT / lock).exists()


def test_continuous_integration_audits() -> None:
    assert "make audit" in (ROOT / ".ci/run").read_text()
