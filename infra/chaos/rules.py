"""What must hold in the rows when everything has ended: each statement finds what breaks it."""

from typing import LiteralString

from shared.db.database import Database

_RULES: dict[str, LiteralString] = {
    "every image has ended": "SELECT id FROM images WHERE ended_number IS NULL",
    "every image has ended once": (
        "SELECT i.id FROM images AS i LEFT JOIN chaos_events AS e ON e.id = i.id"
        " AND e.event = 'ended' GROUP BY i.id HAVING count(e.id) <> 1"
    ),
    "the ended images of a session are numbered without a gap": (
        "SELECT session_id FROM images GROUP BY session_id"
        " HAVING (min(ended_number), max(ended_number)) <> (1, count(*))"
    ),
    "every batch has closed once": (
        "SELECT b.id FROM batches AS b LEFT JOIN chaos_events AS e ON e.id = b.id"
        " AND e.event = 'closed' GROUP BY b.id HAVING count(e.id) <> 1"
    ),
    "a closed batch has counted all of its images": (
        "SELECT id FROM batches AS b WHERE closed_at IS NULL OR ended <> total"
        " OR total <> (SELECT count(*) FROM images WHERE batch_id = b.id)"
    ),
    "what was reserved was either spent or released, once": (
        "SELECT image_id FROM ledger GROUP BY image_id, unit"
        " HAVING count(*) FILTER (WHERE kind = 'reserved') <> 1"
        " OR count(*) FILTER (WHERE kind <> 'reserved') <> 1"
    ),
    "an image is paid for exactly when it is done": (
        "SELECT i.id FROM images AS i LEFT JOIN ledger AS l ON l.image_id = i.id"
        " AND l.unit = 'image' AND l.kind = 'spent'"
        " WHERE (i.state = 'done') <> (l.image_id IS NOT NULL)"
    ),
    "an AI credit is spent exactly when there is a text": (
        "SELECT i.id FROM images AS i LEFT JOIN ledger AS l ON l.image_id = i.id"
        " AND l.unit = 'ai' AND l.kind = 'spent'"
        " WHERE (i.alt_text IS NOT NULL) <> (l.image_id IS NOT NULL)"
    ),
    "an image is done exactly when it has an output": (
        "SELECT id FROM images WHERE (state = 'done') <> (output_key IS NOT NULL)"
    ),
    "nobody is charged for what was not accepted": (
        "SELECT image_id FROM ledger WHERE image_id NOT IN (SELECT id FROM images)"
    ),
    "an account's usage is what its ledger says": (
        "SELECT u.account_id AS id FROM usage AS u LEFT JOIN ledger AS l"
        " ON l.account_id = u.account_id AND l.period = u.period AND l.source = 'period'"
        " GROUP BY u.account_id, u.period"
        " HAVING u.images <> count(*) FILTER (WHERE unit = 'image' AND kind = 'reserved')"
        " - count(*) FILTER (WHERE unit = 'image' AND kind = 'released')"
        " OR u.ai_credits <> count(*) FILTER (WHERE unit = 'ai' AND kind = 'reserved')"
        " - count(*) FILTER (WHERE unit = 'ai' AND kind = 'released')"
    ),
    "a session's counters are what its images say": (
        "SELECT s.id FROM sessions AS s LEFT JOIN images AS i ON i.session_id = s.id"
        " GROUP BY s.id HAVING (s.completed, s.failed, s.cancelled, s.last_ended) <>"
        " (count(*) FILTER (WHERE i.state = 'done'), count(*) FILTER (WHERE i.state = 'failed'),"
        " count(*) FILTER (WHERE i.state = 'cancelled'), count(i.ended_number))"
    ),
}


def broken(database: Database) -> list[str]:
    """The rules that do not hold, with how many rows break each."""
    found = []
    with database.snapshot() as connection:
        for rule, breakers in _RULES.items():
            rows = connection.execute(breakers).fetchall()
            if rows:
                found.append(f"{rule}: not so for {len(rows)}, such as {rows[0]}")
    return found
