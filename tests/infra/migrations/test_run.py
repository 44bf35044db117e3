"""Databases of older versions, with rows in every table, migrated and read.

`head`: an older version that still runs writes into the newest tables, as while the processes
of an installation are replaced one by one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from infra.embedded import Stack
from infra.migrations.run import migrate
from shared.db import accounts, batches, credits, idempotency, images, upkeep, views
from shared.db.accounts import Account
from shared.db.batches import NewBatch, NewImage
from shared.db.database import Database
from shared.db.image_states import OPTIMISE
from shared.db.views import BatchNotice
from shared.imagetype import ImageType
from shared.models import Encoding, Notice, Options, Position, Result, Watermark
from shared.services import Services
from tests.infra.migrations import old_rows
from workers import lost_claims

FULL = pytest.mark.full
RELEASED = ("0001", pytest.param("0002", marks=FULL), pytest.param("0003", marks=FULL), "head")


@contextmanager
def empty_database(stack: Stack) -> Iterator[str]:
    address = urlsplit(stack.environment["DATABASE_URL"])
    name = f"old_{uuid4().hex}"
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlunsplit(address._replace(path=f"/{name}"))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def migrated_from(stack: Stack, revision: str) -> Iterator[Database]:
    """The first version's rows in the tables of `revision`, migrated to the newest."""
    with empty_database(stack) as url:
        migrate(url, revision)
        old_rows.write(url)
        migrate(url)
        with Database(url, max_connections=1) as database:
            yield database


@pytest.fixture(scope="module", params=RELEASED)
def old(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database that tests only read."""
    with migrated_from(stack, request.param) as database:
        yield database


@pytest.fixture(params=RELEASED)
def working(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database that a test may change."""
    with migrated_from(stack, request.param) as database:
        yield database


def account(database: Database) -> Account:
    return accounts.authenticate(database, old_rows.KEY)


def test_the_old_rows_fill_every_table_of_the_first_version(stack: Stack) -> None:
    with empty_database(stack) as url:
        migrate(url, "0001")
        old_rows.write(url)
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            ).fetchall()
            rows = {
                name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchall()  # noqa: S608
                for (name,) in tables
            }
    assert len(rows) == 10
    assert [name for name, counted in rows.items() if counted == [(0,)]] == []


def test_an_old_key_opens_its_account(old: Database) -> None:
    assert (account(old).name, account(old).topup_credits) == ("studio", 7)


def test_an_old_account_has_the_credits_that_it_had(old: Database) -> None:
    assert credits.balance(old, account(old).id).images_used == 3


def test_an_old_session_keeps_its_progress(old: Database) -> None:
    view = views.view_session(old, account(old).id, "spring-sale", after_number=0, limit=9)
    progress = view.progress
    assert (view.status, progress.total, progress.ended) == ("processing", 4, 2)
    assert [image.id for image in view.images] == [old_rows.DONE, old_rows.FAILED]


def test_an_old_session_has_the_bytes_of_its_completed_images(stack: Stack) -> None:
    with migrated_from(stack, "0003") as old:
        view = views.view_session(old, account(old).id, "spring-sale", after_number=0, limit=9)
        assert (view.progress.original_bytes, view.progress.compressed_bytes) == (300, 120)
        assert view.notices == [BatchNotice(old_rows.BATCH, Notice("a_code", "A sentence"))]


def test_an_old_output_is_unchanged_and_has_no_encoding(old: Database) -> None:
    done, failed = views.view_batch(old, account(old).id, old_rows.BATCH).images
    assert (done.file_name, done.width, done.height, done.compressed_size) == ("a.webp", 8, 6, 120)
    assert (done.output_key, done.watermarked) == (f"{old_rows.BATCH}/out/a.webp", True)
    assert (done.encoding, done.alt_text, done.notices) == (None, None, ())
    assert (failed.error_code, failed.error_message) == ("corrupt_image", "It is damaged")


def test_an_old_batch_keeps_its_notices(old: Database) -> None:
    view = views.view_batch(old, account(old).id, old_rows.BATCH)
    assert view.notices == [BatchNotice(old_rows.BATCH, Notice("a_code", "A sentence"))]


def test_an_old_cancelled_session_is_cancelled(old: Database) -> None:
    view = views.view_session(old, account(old).id, "winter-sale", after_number=0, limit=9)
    assert (view.status, view.images[0].error_code) == ("cancelled", "cancelled")


def test_an_old_request_that_is_repeated_returns_its_batch(old: Database) -> None:
    print_ = old_rows.FINGERPRINT
    again = idempotency.begin(old, account(old).id, "spring-sale-1", print_, 86_400)
    assert again == old_rows.BATCH


def test_old_images_that_were_open_are_processed_to_their_end(
    working: Database, unit: Services
) -> None:
    lost_claims.end(replace(unit, database=working), upkeep.lost_claims(working))
    for image_id in (old_rows.QUEUED, old_rows.PROCESSING):
        claim = images.claim(working, OPTIMISE, image_id, 60)
        assert claim
        mark = Watermark(30, 60, Position.TL)
        assert claim.options == Options(
            ImageType.WEBP, 70, 1600, None, mark, description_request=None
        )
        result = Result(ImageType.WEBP, 8, 6, 100, "key", True, Encoding.REENCODED)
        closing = images.complete(working, claim, result)
    assert closing
    assert closing.batch_closed
    assert credits.balance(working, account(working).id).images_used == 3


def test_an_old_session_takes_new_batches_and_its_names_stay_taken(working: Database) -> None:
    new = NewImage(uuid4(), "a.png", 300, b"x")
    batch = NewBatch(
        uuid4(), account(working).id, "spring-sale", Options(), [new], None, [], idempotency=None
    )
    assert batches.accept(working, uuid4(), batch) == old_rows.OPEN_SESSION
    claim = images.claim(working, OPTIMISE, new.id, 60)
    assert claim
    images.complete(working, claim, Result(ImageType.WEBP, 8, 6, 9, "k", False, Encoding.LOSSLESS))
    (image,) = views.view_batch(working, batch.account_id, batch.id).images
    assert (image.file_name, image.ended_number) == ("a-2.webp", 3)


def test_migrating_forward_twice_changes_nothing_more(stack: Stack) -> None:
    with empty_database(stack) as url:
        migrate(url, "0001")
        old_rows.write(url)
        seen = []
        for _ in range(2):
            migrate(url)
            with psycopg.connect(url) as connection:
                seen.append(connection.execute("SELECT * FROM images ORDER BY id").fetchall())
    assert len(seen[0]) == 5
    assert seen[0] == seen[1]
