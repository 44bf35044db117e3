"""The whole service that a command starts for itself."""

import os
from pathlib import Path

import pytest

from infra.dev.temporary_service import temporary_service


@pytest.mark.full
@pytest.mark.skipif(os.geteuid() != 0, reason="only root's Postgres can lie elsewhere")
def test_what_is_outside_the_data_directory_is_deleted_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # closed to everyone else
    with temporary_service(workers=1) as service:
        place = service.data_dir.parent
        outside = Path((place / "data/postgres-home").read_text())
        assert outside.exists()
    assert not outside.exists()
    assert not place.exists()
