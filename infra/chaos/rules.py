"""The rules that the rows must keep when everything has ended.

Each statement returns the rows that break its rule.
"""

from typing import LiteralString

from shared.db.database import Database

_IMAGES_NOT_ENDED = """
SELECT id FROM images WHERE ended_number IS NULL
"""
_IMAGES_NOT_ENDED_ONCE = """
SELECT i.id
FROM images AS i LEFT JOIN chaos_events AS e ON e.id = i.id AND e.event = 'ended'
GROUP BY i.id
HAVING count(e.id) <> 1
"""
_SESSIONS_WITH_A_GAP = """
SELECT session_id
FROM images
GROUP BY session_id
HAVING (min(ended_number), max(ended_number)) <> (1, count(*))
"""
_BATCHES_NOT_CLOSED_ONCE = """
SELECT b.id
FROM batches AS b LEFT JOIN chaos_events AS e ON e.id = b.id AND e.event = 'closed'
GROUP BY b.id
HAVING count(e.id) <> 1
"""
_BATCHES_MISCOUNTED = """
SELECT id
FROM batches AS b
WHERE closed_at IS NULL
    OR ended <> total
    OR total <> (SELECT count(*) FROM images WHERE batch_id = b.id)
"""
_RESERVATIONS_NOT_SETTLED_ONCE = """
SELECT image_id
FROM ledger
GROUP BY image_id, unit
HAVING count(*) FILTER (WHERE kind = 'reserved') <> 1
    OR count(*) FILTER (WHERE kind <> 'reserved') <> 1
"""
# An image of which only the text was made again was never optimised itself.
_IMAGES_CHARGED_WRONGLY = """
SELECT i.id
FROM images AS i
LEFT JOIN ledger AS l ON l.image_id = i.id AND l.unit = 'image' AND l.kind = 'spent'
WHERE (i.state = 'done' AND (i.retry_of IS NULL OR i.attempt > 0)) <> (l.image_id IS NOT NULL)
"""
_AI_CREDITS_CHARGED_WRONGLY = """
SELECT i.id
FROM images AS i
LEFT JOIN ledger AS l ON l.image_id = i.id AND l.unit = 'ai' AND l.kind = 'spent'
WHERE (i.alt_text IS NOT NULL) <> (l.image_id IS NOT NULL)
"""
_IMAGES_WITH_THE_WRONG_OUTPUT = """
SELECT id FROM images WHERE (state = 'done') <> (output_key IS NOT NULL)
"""
_CHARGES_WITHOUT_AN_IMAGE = """
SELECT image_id FROM ledger WHERE image_id NOT IN (SELECT id FROM images)
"""
_USAGE_UNLIKE_THE_LEDGER = """
SELECT u.account_id AS id
FROM usage AS u
LEFT JOIN ledger AS l
    ON l.account_id = u.account_id AND l.period = u.period AND l.source = 'period'
GROUP BY u.account_id, u.period
HAVING u.images <> count(*) FILTER (WHERE unit = 'image' AND kind = 'reserved')
        - count(*) FILTER (WHERE unit = 'image' AND kind = 'released')
    OR u.ai_credits <> count(*) FILTER (WHERE unit = 'ai' AND kind = 'reserved')
        - count(*) FILTER (WHERE unit = 'ai' AND kind = 'released')
"""
_SESSIONS_MISCOUNTED = """
SELECT s.id
FROM sessions AS s LEFT JOIN images AS i ON i.session_id = s.id
GROUP BY s.id
HAVING (s.completed, s.failed, s.cancelled, s.last_ended) <> (
    count(*) FILTER (WHERE i.state = 'done' AND i.replaced_by IS NULL),
    count(*) FILTER (WHERE i.state = 'failed' AND i.replaced_by IS NULL),
    count(*) FILTER (WHERE i.state = 'cancelled' AND i.replaced_by IS NULL),
    count(i.ended_number)
)
"""
_RETRIES_LISTED_WRONGLY = """
SELECT n.id
FROM images AS n JOIN images AS o ON o.id = n.retry_of
WHERE (o.replaced_by IS NOT DISTINCT FROM n.id) = (n.replaced_by IS NOT DISTINCT FROM o.id)
"""
_RULES: dict[str, LiteralString] = {
    "every image has ended": _IMAGES_NOT_ENDED,
    "every image has ended once": _IMAGES_NOT_ENDED_ONCE,
    "the ended images of a session are numbered without a gap": _SESSIONS_WITH_A_GAP,
    "every batch has closed once": _BATCHES_NOT_CLOSED_ONCE,
    "a closed batch has counted all of its images": _BATCHES_MISCOUNTED,
    "what was reserved was either spent or released, once": _RESERVATIONS_NOT_SETTLED_ONCE,
    "an image is paid for exactly when it is done": _IMAGES_CHARGED_WRONGLY,
    "an AI credit is spent exactly when there is a text": _AI_CREDITS_CHARGED_WRONGLY,
    "an image is done exactly when it has an output": _IMAGES_WITH_THE_WRONG_OUTPUT,
    "nobody is charged for what was not accepted": _CHARGES_WITHOUT_AN_IMAGE,
    "an account's usage is what its ledger says": _USAGE_UNLIKE_THE_LEDGER,
    "a session's counters are what its images say": _SESSIONS_MISCOUNTED,
    "of an image and its retry one is listed": _RETRIES_LISTED_WRONGLY,
}


def violations(database: Database) -> list[str]:
    """The rules that are broken, each with the number of rows that break it."""
    found = []
    with database.snapshot() as connection:
        for rule, statement in _RULES.items():
            rows = connection.execute(statement).fetchall()
            if rows:
                found.append(f"{rule}: broken by {len(rows)} rows, such as {rows[0]}")
    return found
