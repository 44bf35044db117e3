"""A session with any number of finished images, by rows and objects alone: no pixel is touched."""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from shared.clients.object_store import output_key
from shared.imagetype import ImageType
from shared.services import Services

_SESSION = """
INSERT INTO sessions (id, account_id, name, completed, last_ended, original_bytes, compressed_bytes)
VALUES (%(session)s, %(account)s, %(name)s, %(n)s, %(n)s, %(n)s::bigint * 1000000,
    %(n)s::bigint * %(size)s)
"""
_BATCH = """
INSERT INTO batches
    (id, session_id, account_id, options, warnings, total, ended, published_at, closed_at,
     inputs_deleted_at)
VALUES (%(batch)s, %(session)s, %(account)s, '{}', '[]', %(n)s, %(n)s, now(), now(), now())
"""
_IMAGES = """
INSERT INTO images
    (id, batch_id, session_id, index, original_name, original_size, original_sha256, file_name,
     folder, state, format, width, height, compressed_size, output_key, encoding, ended_at,
     ended_number)
SELECT gen_random_uuid(), %(batch)s, %(session)s, i - 1, format('照片 %%s.jpg', i), 1000000,
    '\\x00', format('照片 %%s.webp', i), format('目录/%%s', i %% 100), 'done', 'webp', 800, 600,
    %(size)s,
    (%(keys)s::text[])[1 + i %% cardinality(%(keys)s)], 'reencoded', now(), i
FROM generate_series(1, %(n)s) AS i
"""


def make_session(
    services: Services, account_id: int, name: str, count: int, contents: Sequence[bytes]
) -> None:
    """Writes a completed session; contents: of one size each, which its images share in turn."""
    batch = uuid4()
    keys = [output_key(batch, uuid4(), ImageType.WEBP) for _ in contents]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: _put(services, *one), zip(keys, contents, strict=True)))
    values = {
        "session": uuid4(),
        "batch": batch,
        "account": account_id,
        "name": name,
        "n": count,
        "size": len(contents[0]),
        "keys": keys,
    }
    with services.database.transaction() as connection:
        for statement in (_SESSION, _BATCH, _IMAGES):
            connection.execute(statement, values)


def _put(services: Services, key: str, content: bytes) -> None:
    services.store.put(key, io.BytesIO(content), len(content), "image/webp")
