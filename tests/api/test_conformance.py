"""The running service against its own document, with requests that schemathesis makes from it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api.test_openapi import DOCUMENT
from tests.support.client import Client
from tests.support.paths import ROOT


def _strict() -> dict[str, Any]:
    """The document without the answer that any call may have, which any status would fit.

    And without what no schema can say: which bytes a watermark may have, that there is a path for
    each file, and which addresses a webhook may have.
    """
    document: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    for methods in document["paths"].values():
        for operation in methods.values():
            del operation["responses"]["default"]
    call = document["paths"]["/api/compress"]["post"]
    form = call["requestBody"]["content"]["multipart/form-data"]
    del form["example"]
    fields = form["schema"]["properties"]
    for name in ("watermarkFile", "path", "webhookUrl"):
        del fields[name]
    fields["file"] = fields["file"]["items"]  # in a list, bytes would be sent without a file name
    form["encoding"] = {"file": form["encoding"]["watermarkFile"]}
    return document


# A valid request may be answered with 422: its files are no images, or its key was used before.
_SETTINGS = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 422, 429]
"""


@pytest.mark.full
def test_every_answer_conforms_to_the_document(client: Client, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(_strict()))
    (tmp_path / "schemathesis.toml").write_text(_SETTINGS)
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(document)]
    command += ["--url", client.url, "--header", f"Authorization: Bearer {client.key}"]
    command += ["--exclude-path", "/api/keys/roll"]  # the key would end
    # Not the stateful phase: it holds a deleted session, which still says what became of it, for a
    # fault.
    command += ["--phases", "examples,coverage,fuzzing"]
    command += ["--seed", "1", "--max-examples", "20", "--generation-database", "none"]
    command += ["--request-timeout", "120"]
    run = subprocess.run(
        command,
        cwd=tmp_path,  # where it leaves its files
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.api.schemathesis_hooks"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
