"""One account's uploads cannot fill the disk of all."""

import io
from dataclasses import replace

import pytest

from api.upload_quota import UploadQuota
from shared.errors import TooManyRequestsError
from shared.services import Services
from tests.api.conftest import in_process
from tests.support.making import make_account, png


def test_the_uploads_of_an_account_share_its_quota() -> None:
    quota = UploadQuota(100)
    with quota.for_upload(1) as first, quota.for_upload(1) as second:
        first(60)
        second(40)
        with pytest.raises(TooManyRequestsError):
            first(1)


def test_an_upload_that_ended_frees_its_bytes() -> None:
    quota = UploadQuota(100)
    with pytest.raises(TooManyRequestsError), quota.for_upload(1) as reserve_bytes:
        reserve_bytes(200)
    with quota.for_upload(1) as reserve_bytes:
        reserve_bytes(100)


def test_the_quota_of_one_account_is_not_anothers() -> None:
    quota = UploadQuota(100)
    with quota.for_upload(1) as mine, quota.for_upload(2) as theirs:
        mine(100)
        theirs(100)


@pytest.mark.parametrize(("size", "status"), [(900, 202), (1_100, 429)])
def test_a_post_above_the_quota_is_429(unit: Services, size: int, status: int) -> None:
    small = unit.settings.model_copy(update={"account_upload_bytes": 1_000})
    _, key = make_account(unit)
    with in_process(replace(unit, settings=small)) as client:
        answer = client.post(
            "/api/compress",
            headers={"Authorization": f"Bearer {key}", "Prefer": "respond-async"},
            data={"file": (io.BytesIO(png().ljust(size, b"\0")), "a.png")},
        )
    assert answer.status_code == status
    assert (answer.json or {}).get("error") == (None if status == 202 else "Too many requests")
