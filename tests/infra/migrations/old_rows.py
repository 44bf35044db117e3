"""What the first version wrote into its tables, one row of every kind, word for word.

No code of today writes it: that would only prove that today's version reads its own rows.
"""

import hashlib
from uuid import UUID

import psycopg

KEY = f"flx_live_{'0' * 40}"
FINGERPRINT = b"the same request"
OPEN_SESSION, CANCELLED_SESSION = UUID(int=1), UUID(int=2)
BATCH, CANCELLED_BATCH = UUID(int=11), UUID(int=12)
DONE, FAILED, QUEUED, PROCESSING, CANCELLED = (UUID(int=number) for number in range(21, 26))

_OPTIONS = """{"format": "webp", "quality": 70, "max_width": 1600, "max_height": null,
 "watermark": {"scale_percent": 30, "opacity_percent": 60, "position": "TL"}}"""

_ROWS = f"""
INSERT INTO accounts (name, plan, topup_credits) VALUES ('studio', 'starter', 7);
INSERT INTO usage (account_id, period, images) SELECT id, current_date, 3 FROM accounts;
INSERT INTO sessions (id, account_id, name, completed, failed, last_ended)
    SELECT '{OPEN_SESSION}', id, 'spring-sale', 1, 1, 2 FROM accounts;
INSERT INTO sessions (id, account_id, name, cancelled_at, cancelled, last_ended)
    SELECT '{CANCELLED_SESSION}', id, 'winter-sale', now(), 1, 1 FROM accounts;
INSERT INTO batches (id, session_id, account_id, options, watermark_key, warnings, total, ended,
        published_at)
    SELECT '{BATCH}', '{OPEN_SESSION}', id, '{_OPTIONS}', '{BATCH}/in/watermark',
        '[{{"index": null, "code": "a_code", "message": "A sentence"}}]', 4, 2, now()
    FROM accounts;
INSERT INTO batches (id, session_id, account_id, options, warnings, total, ended, closed_at)
    SELECT '{CANCELLED_BATCH}', '{CANCELLED_SESSION}', id, '{_OPTIONS}', '[]', 1, 1, now()
    FROM accounts;
INSERT INTO images (id, batch_id, session_id, index, original_name, original_size,
        original_sha256, file_name, state, attempt, format, width, height, compressed_size,
        output_key, watermarked, ended_at, ended_number)
    VALUES ('{DONE}', '{BATCH}', '{OPEN_SESSION}', 0, 'a.png', 300, 'x', 'a.webp', 'done', 1,
        'webp', 8, 6, 120, '{BATCH}/out/a.webp', true, now(), 1);
INSERT INTO images (id, batch_id, session_id, index, original_name, original_size,
        original_sha256, file_name, state, attempt, error_code, error_message, ended_at,
        ended_number)
    VALUES ('{FAILED}', '{BATCH}', '{OPEN_SESSION}', 1, 'b.png', 300, 'x', 'b.webp', 'failed', 1,
        'corrupt_image', 'It is damaged', now(), 2);
INSERT INTO images (id, batch_id, session_id, index, original_name, original_size,
        original_sha256, file_name)
    VALUES ('{QUEUED}', '{BATCH}', '{OPEN_SESSION}', 2, 'c.png', 300, 'x', 'c.webp');
INSERT INTO images (id, batch_id, session_id, index, original_name, original_size,
        original_sha256, file_name, state, attempt, token, lease_until)
    VALUES ('{PROCESSING}', '{BATCH}', '{OPEN_SESSION}', 3, 'd.png', 300, 'x', 'd.webp',
        'processing', 1, gen_random_uuid(), now() - interval '1 second');
INSERT INTO images (id, batch_id, session_id, index, original_name, original_size,
        original_sha256, file_name, state, error_code, error_message, ended_at, ended_number)
    VALUES ('{CANCELLED}', '{CANCELLED_BATCH}', '{CANCELLED_SESSION}', 0, 'e.png', 300, 'x',
        'e.webp', 'cancelled', 'cancelled', 'The session was cancelled', now(), 1);
INSERT INTO ledger (image_id, unit, kind, account_id, source, period)
    SELECT images.id, 'image', 'reserved', accounts.id, 'period', current_date
    FROM images, accounts;
INSERT INTO ledger (image_id, unit, kind, account_id, source, period)
    SELECT images.id, 'image', CASE state WHEN 'done' THEN 'spent' ELSE 'released' END,
        accounts.id, 'period', current_date
    FROM images, accounts WHERE ended_number IS NOT NULL;
INSERT INTO file_names (session_id, folded)
    SELECT session_id, file_name FROM images;
"""  # noqa: S608 - of our own constants


def write(database_url: str) -> None:
    """Fills the tables of whatever version they are."""
    with psycopg.connect(database_url) as connection:
        connection.execute(_ROWS)
        connection.execute(
            "INSERT INTO api_keys (key_hash, account_id) SELECT %s, id FROM accounts",
            (hashlib.sha256(KEY.encode()).digest(),),
        )
        connection.execute(
            "INSERT INTO idempotency_keys (account_id, key, fingerprint, token, accepting_until,"
            " batch_id) SELECT id, 'spring-sale-1', %s, gen_random_uuid(), now(), %s FROM accounts",
            (FINGERPRINT, BATCH),
        )
