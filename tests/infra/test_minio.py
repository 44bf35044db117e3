"""The service on a real MinIO, with the rights that docs/operations.md lists and no more."""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from minio import Minio
from minio.versioningconfig import VersioningConfig

from infra.commands import server_settings
from infra.commands.server_settings import Level
from infra.migrations.run import migrate
from shared import services, settings
from shared.clients.object_store import S3Store
from shared.db import views
from shared.errors import StoreError
from shared.services import Services
from tests.support.making import accept, make_account, make_batch
from tests.support.minio import RunningMinio, minio
from workers import steps, sweep

DOCS = Path(__file__).parents[2] / "docs/operations.md"


def documented_policy(bucket: str) -> dict[str, Any]:
    (block,) = re.findall(r"```json\n(\{.*?\n\})\n```", DOCS.read_text(), re.DOTALL)
    policy: dict[str, Any] = json.loads(
        block.replace("arn:aws:s3:::fluximage", f"arn:aws:s3:::{bucket}")
    )
    return policy


def without(policy: dict[str, Any], action: str) -> dict[str, Any]:
    changed = copy.deepcopy(policy)
    for statement in changed["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action] or [
            "s3:GetBucketLocation"
        ]
    return changed


@pytest.fixture(scope="module")
def store() -> Iterator[RunningMinio]:
    with minio() as running:
        yield running


@pytest.fixture
def bucket(store: RunningMinio, unit_environment: Mapping[str, str]) -> str:
    name = f"bucket-{uuid4().hex[:12]}"
    load(unit_environment, store.environment, name)
    S3Store(load(unit_environment, store.environment, name)).prepare()
    return name


def load(
    environment: Mapping[str, str], given: Mapping[str, str], bucket: str
) -> settings.Settings:
    return settings.load(dict(environment) | dict(given) | {"S3_BUCKET": bucket})


def test_the_documented_rights_are_enough(
    unit: Services, unit_environment: Mapping[str, str], store: RunningMinio, bucket: str
) -> None:
    allowed = load(unit_environment, store.user(documented_policy(bucket)), bucket)
    assert server_settings.findings(allowed) == []
    with closing(services.build(allowed)) as built:
        built.store.prepare()
        account, _ = make_account(unit)
        batch = make_batch(built, account)
        (image_id,) = accept(built, batch)
        steps.optimise(built, image_id)
        (image,) = views.view_batch(built.database, account.id, batch.id).images
        assert image.output_key
        sweep.sweep(built)
        assert built.store.last_modified(f"{batch.id}/in/") is None
        assert sweep.delete_orphans(built.database, built.store) == 0


@pytest.mark.parametrize(
    ("action", "level", "words"),
    [
        ("s3:ListBucket", Level.FAILED, "The object store: list fails: access denied"),
        ("s3:PutObject", Level.FAILED, "The object store: put fails: access denied"),
        ("s3:GetObject", Level.FAILED, "The object store: get fails: access denied"),
        ("s3:DeleteObject", Level.FAILED, "The object store: delete fails: access denied"),
        ("s3:GetBucketVersioning", Level.UNKNOWN, "Allow s3:GetBucketVersioning"),
    ],
)
def test_each_right_that_is_missing_is_named(
    unit_environment: Mapping[str, str],
    store: RunningMinio,
    bucket: str,
    action: str,
    level: Level,
    words: str,
) -> None:
    policy = without(documented_policy(bucket), action)
    denied = load(unit_environment, store.user(policy), bucket)
    (finding,) = server_settings.findings(denied)
    assert finding.level is level
    assert words in finding.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"S3_SECRET_KEY": "another-secret"}, "wrong signature: S3_SECRET_KEY"),
        ({"S3_ACCESS_KEY": "nobody-at-all"}, "unknown access key"),
        ({"S3_BUCKET": "no-such-bucket"}, "the bucket does not exist"),
    ],
)
def test_keys_and_buckets_that_are_wrong_are_told_apart(
    unit_environment: Mapping[str, str],
    store: RunningMinio,
    bucket: str,
    change: dict[str, str],
    words: str,
) -> None:
    wrong = load(unit_environment, store.environment, bucket)
    given = dict(unit_environment) | store.environment | {"S3_BUCKET": bucket} | change
    wrong = settings.load(given)
    (finding,) = server_settings.findings(wrong)
    assert finding.text.startswith(f"The object store: list, put, get and delete fail: {words}")


def test_a_versioned_bucket_is_unsafe(
    unit_environment: Mapping[str, str], store: RunningMinio, bucket: str
) -> None:
    given = store.environment
    client = Minio(store.address, given["S3_ACCESS_KEY"], given["S3_SECRET_KEY"], secure=False)
    client.set_bucket_versioning(bucket, VersioningConfig("Enabled"))
    (finding,) = server_settings.findings(load(unit_environment, given, bucket))
    assert finding.level is Level.UNSAFE
    assert "keeps every deleted image as an old version" in finding.text


def test_a_bucket_that_may_not_be_created_is_one_sentence(
    unit_environment: Mapping[str, str], store: RunningMinio
) -> None:
    migrate(unit_environment["DATABASE_URL"])
    policy = documented_policy("another")
    denied = load(unit_environment, store.user(policy), "not-mine")
    with pytest.raises(StoreError) as refused:
        S3Store(denied).prepare()
    assert refused.value.reason.startswith("access denied")


def test_preparing_at_the_same_time_is_no_error(
    unit_environment: Mapping[str, str], store: RunningMinio
) -> None:
    given = load(unit_environment, store.environment, f"race-{uuid4().hex[:8]}")
    made = S3Store(given)
    made._make_bucket()
    made._make_bucket()
