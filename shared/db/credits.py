"""What an account may still spend, and the ledger that every image settles in.

A reservation counts as used at once, so parallel batches cannot overspend; an image that
fails gives it back to where it came from, in the period that paid. In the ledger every
`reserved` entry is met by exactly one `spent` or `released`: a unique index says so.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal
from uuid import UUID

from shared.db.database import Connection, Database, Execute, within
from shared.errors import (
    AiNotAvailableError,
    NoCreditsError,
    PlanLimitError,
    StorageLimitError,
)
from shared.plans import ALLOWANCES, UNLIMITED, Allowance, Plan, period_start

Unit = Literal["image", "ai"]


@dataclass(frozen=True)
class Balance:
    """What an account has used in its current billing period; reservations count as used.

    stored_bytes: of its originals, results and watermarks, those of open batches among them.
    """

    plan: Plan
    period: date
    images_used: int
    ai_used: int
    topup_credits: int
    stored_bytes: int

    @property
    def allowance(self) -> Allowance:
        """What the plan includes."""
        return ALLOWANCES[self.plan]

    @property
    def images_limit(self) -> int:
        """The plan's images per period, as the contract reports them."""
        return UNLIMITED if self.allowance.images is None else self.allowance.images

    @property
    def images_left(self) -> int | None:
        """Images left in this period, never below zero; None means unlimited."""
        limit = self.allowance.images
        return None if limit is None else max(0, limit - self.images_used)

    @property
    def monthly_ai_left(self) -> int:
        """Monthly AI credits left: never below zero, even after a downgrade."""
        return max(0, self.allowance.ai_credits - self.ai_used)

    @property
    def ai_left(self) -> int:
        """AI credits left in all."""
        return self.monthly_ai_left + self.topup_credits

    def check_any_left(self) -> None:
        """Raises PlanLimitError where no image is left in this period."""
        if self.images_left == 0:
            raise PlanLimitError(
                f"You have used {self.images_used} of the {self.images_limit} images that the"
                f" {self.plan} plan includes in a billing period; none is left."
            )

    def check(self, images: int, *, ai_credits: int) -> None:
        """Raises the error that the contract names when so much does not fit into what is left."""
        if ai_credits and not self.allowance.ai:
            raise AiNotAvailableError
        if self.images_left is not None and images > self.images_left:
            raise PlanLimitError(
                f"You have used {self.images_used} of the {self.images_limit} images that the"
                f" {self.plan} plan includes in a billing period; a batch of {images} does not fit."
            )
        if ai_credits > self.ai_left:
            raise NoCreditsError

    def check_storage(self, new_bytes: int, limit_bytes: float) -> None:
        """Raises StorageLimitError when so much more would be above what the plan stores."""
        if self.stored_bytes + new_bytes > limit_bytes:
            raise StorageLimitError(
                f"Your files take {_size(self.stored_bytes)} of the {_size(limit_bytes)} that the"
                f" {self.plan} plan stores; another {_size(new_bytes)} do not fit. Delete a session"
                " (DELETE /api/sessions/<session_id>), or wait until results expire."
            )


def balance(database: Database, account_id: int) -> Balance:
    """The account's balance in its current billing period."""
    return _balance(database.execute, account_id)


_LOCK_ACCOUNT = "SELECT FROM accounts WHERE id = %s FOR NO KEY UPDATE"
_ADD_USAGE = """
INSERT INTO usage (account_id, period, images, ai_credits) VALUES (%s, %s, %s, %s)
ON CONFLICT (account_id, period) DO UPDATE
SET images = usage.images + excluded.images, ai_credits = usage.ai_credits + excluded.ai_credits
"""
_TAKE_TOPUP = "UPDATE accounts SET topup_credits = topup_credits - %s WHERE id = %s"


def reserve(
    connection: Connection,
    account_id: int,
    *,
    image_ids: list[UUID],
    ai_ids: list[UUID],
    new_bytes: int,
    storage_limit_bytes: float,
) -> None:
    """Reserves a compression for each of `image_ids`, and an AI credit for each of `ai_ids`.

    new_bytes: what they will store at first. Raises what `Balance.check` and `check_storage` raise,
    and then reserves nothing.

    The account's row stays locked until the transaction ends, so that of two batches that race
    for the last credits one sees the other.
    """
    # A statement of its own, so that the next one sees what this waited for.
    connection.execute(_LOCK_ACCOUNT, (account_id,))
    before = _balance(within(connection), account_id)
    before.check(len(image_ids), ai_credits=len(ai_ids))
    before.check_storage(new_bytes, storage_limit_bytes)
    monthly = min(len(ai_ids), before.monthly_ai_left)
    topup = len(ai_ids) - monthly
    connection.execute(_ADD_USAGE, (account_id, before.period, len(image_ids), monthly))
    if topup:
        connection.execute(_TAKE_TOPUP, (topup, account_id))
    _enter(connection, account_id, before.period, "image", "period", image_ids)
    _enter(connection, account_id, before.period, "ai", "period", ai_ids[:monthly])
    _enter(connection, account_id, before.period, "ai", "topup", ai_ids[monthly:])


# For each row of {images}.
SPEND = """
INSERT INTO ledger (image_id, unit, kind, account_id, source, period)
SELECT image_id, unit, 'spent', ledger.account_id, source, period
FROM {images} AS i JOIN ledger ON ledger.image_id = i.id
WHERE i.id = %(image_id)s AND unit = %(unit)s AND kind = 'reserved'
"""
_SPEND = SPEND.format(images="images")


def spend(connection: Connection, image_id: UUID, unit: Unit) -> None:
    """Turns what was reserved for the image into spent."""
    connection.execute(_SPEND, {"image_id": image_id, "unit": unit})


# Account before usage, the order in which `reserve` locks: the other way round deadlocks.
_LOCK_ACCOUNTS = """
SELECT 1 FROM accounts
WHERE id IN (SELECT account_id FROM ledger WHERE image_id = ANY(%s))
ORDER BY id FOR NO KEY UPDATE
"""
_RELEASE = """
WITH freed AS (
    INSERT INTO ledger (image_id, unit, kind, account_id, source, period)
    SELECT image_id, unit, 'released', account_id, source, period FROM ledger
    WHERE image_id = ANY(%s) AND kind = 'reserved'
    ON CONFLICT DO NOTHING
    RETURNING account_id, unit, source, period
), topups AS (
    UPDATE accounts AS a SET topup_credits = a.topup_credits + f.n
    FROM (SELECT account_id, count(*) AS n FROM freed
          WHERE source = 'topup' GROUP BY account_id) AS f
    WHERE a.id = f.account_id
)
UPDATE usage AS u SET images = u.images - f.images, ai_credits = u.ai_credits - f.ai
FROM (SELECT account_id, period, count(*) FILTER (WHERE unit = 'image') AS images,
             count(*) FILTER (WHERE unit = 'ai') AS ai
      FROM freed WHERE source = 'period' GROUP BY account_id, period) AS f
WHERE u.account_id = f.account_id AND u.period = f.period
"""


def release(connection: Connection, image_ids: list[UUID]) -> None:
    """Gives back all that was reserved for the images and is not settled yet."""
    connection.execute(_LOCK_ACCOUNTS, (image_ids,))
    connection.execute(_RELEASE, (image_ids,))


_BALANCE = """
SELECT plan, topup_credits, stored_bytes, created_at, newest.period, images, ai_credits
FROM accounts LEFT JOIN LATERAL (
    SELECT period, images, ai_credits FROM usage
    WHERE account_id = accounts.id AND period <= %s ORDER BY period DESC LIMIT 1) AS newest ON true
WHERE id = %s
"""


def _balance(execute: Execute, account_id: int) -> Balance:
    today = datetime.now(UTC).date()  # another machine's clock may be in the next period
    [row] = execute(_BALANCE, (today, account_id))
    period = period_start(row["created_at"].astimezone(UTC).date(), today)
    is_used = row["period"] == period
    return Balance(
        Plan(row["plan"]),
        period,
        row["images"] if is_used else 0,
        row["ai_credits"] if is_used else 0,
        row["topup_credits"],
        row["stored_bytes"],
    )


def _size(count: float) -> str:
    """Bytes in words: `1.25 GB`, `395 kB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count / 1e3:.3g} kB"


_ENTER = """
INSERT INTO ledger (image_id, unit, kind, account_id, source, period)
SELECT unnest(%s::uuid[]), %s, 'reserved', %s, %s, %s
"""


def _enter(
    connection: Connection,
    account_id: int,
    period: date,
    unit: Unit,
    source: Literal["period", "topup"],
    image_ids: list[UUID],
) -> None:
    if image_ids:
        connection.execute(_ENTER, (image_ids, unit, account_id, source, period))
