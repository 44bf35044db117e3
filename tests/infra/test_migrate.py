"""Databases of older versions, with what is in them, brought forward."""

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import psycopg
import pytest

from infra.embedded import Stack
from infra.migrate import migrate
from shared import sessions
from shared.database import Database

ROWS = """
INSERT INTO accounts (name, plan) VALUES ('old', 'pro');
INSERT INTO sessions (id, account_id, name, completed, last_ended)
    SELECT '{session}', id, 'spring-sale', 1, 1 FROM accounts;
INSERT INTO batches (id, session_id, account_id, options, warnings, total, ended, closed_at)
    SELECT '{batch}', '{session}', id, '{{}}', '[]', 2, 1, now() FROM accounts;
INSERT INTO images (id, batch_id, session_id, index, original_name, original_size,
        original_sha256, file_name, state, format, width, height, compressed_size, output_key,
        ended_at, ended_number)
    VALUES (gen_random_uuid(), '{batch}', '{session}', 0, 'a.png', 300, '', 'a.webp', 'done',
        'webp', 8, 6, 120, 'x/out/a.webp', now(), 1);
INSERT INTO images (id, batch_id, session_id, index, original_name, original_size,
        original_sha256, file_name)
    VALUES (gen_random_uuid(), '{batch}', '{session}', 1, 'b.png', 300, '', 'b.webp');
"""


@pytest.fixture
def database_url(stack: Stack) -> Iterator[str]:
    """An empty database of the test's own."""
    address = urlsplit(stack.environment["DATABASE_URL"])
    name = f"old_{uuid4().hex}"
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlunsplit(address._replace(path=f"/{name}"))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def filled_at_0001(database_url: str) -> UUID:
    """The database as the first version left it, with a batch that is half done; its id."""
    batch = uuid4()
    migrate(database_url, "0001")
    with psycopg.connect(database_url) as connection:
        connection.execute(ROWS.format(session=uuid4(), batch=batch))
    return batch


def test_an_image_that_ended_before_the_column_has_no_encoding(database_url: str) -> None:
    batch = filled_at_0001(database_url)
    migrate(database_url)
    with Database(database_url, max_connections=1) as database:
        (image,) = sessions.view_batch(database, 1, batch).images
    assert (image.file_name, image.compressed_size, image.encoding) == ("a.webp", 120, None)


def test_migrating_forward_twice_changes_nothing_more(database_url: str) -> None:
    filled_at_0001(database_url)
    seen = []
    for _ in range(2):
        migrate(database_url)
        with psycopg.connect(database_url) as connection:
            seen.append(connection.execute("SELECT * FROM images ORDER BY index").fetchall())
    assert len(seen[0]) == 2
    assert seen[0] == seen[1]
