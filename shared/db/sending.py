"""Taking the images that are sent next from all that wait, and marking them as sent.

One dispatcher at a time does so, under the lock of the one row of `dispatcher`: two that count
together would send too many. `shared.lanes` makes the choice; here are the rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from shared.db.database import Connection, Database, Row
from shared.fair_queue import Shares
from shared.lanes import (
    SHORT_SECONDS,
    Lane,
    Out,
    SentImage,
    WaitingImage,
    WaitingImages,
    Windows,
    choose,
)

# An image for the lane `express`: the third column of the index images_to_send, word for word. A
# photograph takes a twentieth of the bound for any pixels; who sends others is soon behind others.
_IS_SMALL = """
((cpu_seconds <= 0.5 AND max_cpu_seconds <= 4 AND memory_bytes <= 200000000) IS TRUE)
"""
_KIND = f"account_id, state, {_IS_SMALL}, ai"
_COLUMNS = f"""
id, batch_id, account_id, index, created_at, state, {_IS_SMALL} AS is_small, ai, waited_for,
cpu_seconds, lane IS NOT NULL AS charged
"""
# While an image waits for memory, none that needs as much goes before it.
_SENDABLE = """
published_at IS NULL AND state IN ('queued', 'optimised') AND cpu_seconds IS NOT NULL
AND (not_before IS NULL OR not_before <= now())
AND coalesce(memory_bytes, 0) < coalesce((
    SELECT min(memory_bytes) FROM images
    WHERE state = 'queued' AND not_before > now() AND published_at IS NULL), 9223372036854775807)
"""
_ANY_WAITS = f"SELECT FROM images WHERE {_SENDABLE} LIMIT 1"
# The first image of each kind of each account: one step down the index for each.
_HEADS = f"""
WITH RECURSIVE heads AS (
    (SELECT {_COLUMNS} FROM images WHERE {_SENDABLE}
    ORDER BY {_KIND}, waited_for DESC, created_at, index LIMIT 1)
    UNION ALL
    SELECT next.* FROM heads, LATERAL (
        SELECT {_COLUMNS} FROM images
        WHERE {_SENDABLE}
        AND ({_KIND}) > (heads.account_id, heads.state, heads.is_small, heads.ai)
        ORDER BY {_KIND}, waited_for DESC, created_at, index LIMIT 1) AS next)
SELECT heads.*, coalesce(shares.virtual_seconds, 0) AS virtual_seconds,
    dispatcher.virtual_seconds AS system_seconds
FROM heads LEFT JOIN shares USING (account_id) CROSS JOIN dispatcher
"""  # noqa: S608 - our own constants
_OF_KIND = f"""
SELECT {_COLUMNS} FROM images
WHERE {_SENDABLE} AND ({_KIND}) = (%(account_id)s, %(state)s, %(is_small)s, %(ai)s)
ORDER BY waited_for DESC, created_at, index LIMIT %(many)s
"""  # noqa: S608 - our own constants
_LOCK = "SELECT FROM dispatcher FOR UPDATE"


def any_waits(database: Database) -> bool:
    """Whether `take` may find an image; it takes no lock, and costs a fraction."""
    return bool(database.execute(_ANY_WAITS))


_MARKED_ALONE = """
SELECT i.id FROM images AS i JOIN batches AS b ON b.id = i.batch_id
WHERE i.batch_id = %s AND b.total = 1 AND NOT i.ai AND i.state = 'queued' AND i.lane = 'express'
AND i.published_at IS NOT NULL
"""


def marked_alone(database: Database, batch_id: UUID) -> UUID | None:
    """The one image of a batch that is marked as sent to `express`, and that nobody works on."""
    for row in database.execute(_MARKED_ALONE, (batch_id,)):
        found: UUID = row["id"]
        return found
    return None


def take(database: Database, windows: Windows) -> list[SentImage]:
    """Marks the images that go out now as sent, charges their accounts, and returns them."""
    # Should a crash of the server undo it, the images are sent twice, and made once.
    with database.transaction(durable=False, lock=_LOCK) as connection:
        heads = connection.execute(_HEADS).fetchall()
        if not heads:
            return []
        system = heads[0]["system_seconds"]
        shares = Shares(system, {row["account_id"]: row["virtual_seconds"] for row in heads})
        before = dict(shares.accounts)
        out = _out(connection)
        # One kind of one account takes all the room, one place in the other lane, and one is next.
        waiting = _waiting(connection, heads, max(windows.images, out.processing) + 2)
        chosen = choose(shares, waiting, out, windows)
        if not chosen:
            return []
        charged = {one: shares.accounts[one] - before[one] for one in before}
        return _mark(connection, chosen, charged, shares.system)


def _waiting(connection: Connection, heads: Iterable[Row], many: int) -> dict[int, WaitingImages]:
    """many: how many images of one kind of an account are read at most."""

    def read(head: WaitingImage) -> list[WaitingImage]:
        kind = {
            "account_id": head.account_id,
            "state": "queued" if head.is_queued else "optimised",
            "is_small": head.is_small,
            "ai": head.ai,
        }
        return [_image(row) for row in connection.execute(_OF_KIND, kind | {"many": many})]

    by_account: dict[int, list[WaitingImage]] = defaultdict(list)
    for row in heads:
        by_account[row["account_id"]].append(_image(row))
    return {account_id: WaitingImages(images, read) for account_id, images in by_account.items()}


def _image(row: Row) -> WaitingImage:
    of_shares = ("virtual_seconds", "system_seconds")
    facts = {name: value for name, value in row.items() if name not in of_shares}
    return WaitingImage(is_queued=facts.pop("state") == "queued", **facts)


_OUT = """
SELECT account_id, state, coalesce(lane, 'images') AS lane, ai, count(*) AS images,
    coalesce(sum(cpu_seconds) FILTER (WHERE cpu_seconds <= %s), 0) AS short_seconds
FROM images WHERE published_at IS NOT NULL AND ended_number IS NULL
GROUP BY account_id, state, coalesce(lane, 'images'), ai
"""


def _out(connection: Connection) -> Out:
    out = Out()
    for row in connection.execute(_OUT, (SHORT_SECONDS,)):
        out.ai += row["images"] * row["ai"]
        if row["state"] not in ("queued", "processing"):
            continue
        if row["lane"] == Lane.EXPRESS:
            out.express_accounts.add(row["account_id"])
            out.express_waiting += row["images"] * (row["state"] == "queued")
            continue
        out.accounts.add(row["account_id"])
        if row["state"] == "processing":
            out.processing += row["images"]
        else:
            out.waiting += row["images"]
            out.short_seconds += row["short_seconds"]
    return out


# Added and not set: images that end correct the same rows (shared/db/work.py). The virtual time
# never goes back. As parts of a statement, these run after its SELECT, which locks the images.
_CHARGE = """
go_on AS (UPDATE dispatcher SET virtual_seconds = greatest(virtual_seconds, %(system)s)),
charged AS (
    INSERT INTO shares (account_id, virtual_seconds)
    SELECT * FROM unnest(%(accounts)s::bigint[], %(seconds)s::float8[])
    ON CONFLICT (account_id)
    DO UPDATE SET virtual_seconds = shares.virtual_seconds + excluded.virtual_seconds)
"""
# Those that are cancelled at this moment are left out: to wait for them could be a deadlock.
# A chord begins with the first images of its batch; one that was refused before them is no member.
_MARK = f"""
WITH marked AS (
    UPDATE images SET published_at = now(), lane = coalesce(new.lane, images.lane)
    FROM unnest(%(ids)s::uuid[], %(lanes)s::text[]) AS new (id, lane),
        LATERAL (SELECT FROM images AS i WHERE i.id = new.id AND i.published_at IS NULL
            AND i.state IN ('queued', 'optimised') FOR NO KEY UPDATE SKIP LOCKED) AS free
    WHERE images.id = new.id RETURNING images.id, images.batch_id),
chords AS (
    SELECT batch_id, count(*) AS members FROM images
    WHERE batch_id = ANY(%(batch_ids)s) AND (published_at IS NOT NULL OR ended_number IS NULL)
    GROUP BY batch_id
    HAVING count(*) FILTER (WHERE published_at IS NOT NULL AND id <> ALL(%(ids)s)) = 0),
{_CHARGE}
SELECT id, members FROM marked LEFT JOIN chords USING (batch_id)
"""  # noqa: S608 - our own constants


def _mark(
    connection: Connection,
    chosen: Sequence[tuple[WaitingImage, Lane | None]],
    charged: Mapping[int, float],
    system: float,
) -> list[SentImage]:
    """Marks and charges in one statement."""
    values = _charges(charged, system) | {
        "ids": [image.id for image, _ in chosen],
        "lanes": [lane and lane.value for _, lane in chosen],
        "batch_ids": list({image.batch_id for image, _ in chosen}),
    }
    members = {row["id"]: row["members"] for row in connection.execute(_MARK, values)}
    return [
        SentImage(
            id=image.id,
            batch_id=image.batch_id,
            account_id=image.account_id,
            index=image.index,
            lane=lane,
            ai=image.ai,
            cost_seconds=image.cost_seconds,
            is_member=not image.charged,
            members=members[image.id],
        )
        for image, lane in chosen
        if image.id in members
    ]


def _charges(seconds: Mapping[int, float], system: float = 0.0) -> Row:
    charged = {account_id: added for account_id, added in seconds.items() if added}
    return {"accounts": list(charged), "seconds": list(charged.values()), "system": system}


_PUT_BACK = f"""
WITH back AS (
    UPDATE images
    SET published_at = NULL, lane = CASE WHEN id = ANY(%(members)s) THEN NULL ELSE lane END
    WHERE id IN (SELECT id FROM images WHERE id = ANY(%(ids)s)
        AND state IN ('queued', 'optimised') FOR NO KEY UPDATE SKIP LOCKED) RETURNING id),
{_CHARGE}
SELECT FROM back
"""  # noqa: S608 - our own constants


def put_back(database: Database, images: Sequence[SentImage]) -> None:
    """Undoes `take` for images whose messages could not be published."""
    seconds: dict[int, float] = defaultdict(float)
    for image in images:
        seconds[image.account_id] -= image.cost_seconds
    members = [image.id for image in images if image.is_member]
    ids = [image.id for image in images]
    with database.transaction(lock=_LOCK) as connection:
        connection.execute(_PUT_BACK, _charges(seconds) | {"members": members, "ids": ids})
