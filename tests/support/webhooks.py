"""Batches with a webhook, for tests."""

from dataclasses import replace
from uuid import UUID

from shared.db import webhook_secrets
from shared.db.accounts import Account
from shared.db.batches import NewBatch
from shared.db.database import Row
from shared.services import Services
from tests.support.making import accept, make_batch
from workers import steps


def secret_of(services: Services, account: Account) -> str:
    """A new secret of the account."""
    assert services.secret_keys
    return webhook_secrets.roll(services.database, services.secret_keys, account.id)


def batch_with(
    services: Services, account: Account, url: str, *, session: str | None = None
) -> NewBatch:
    """An accepted batch of one image whose end calls the URL."""
    batch = replace(make_batch(services, account, session=session), webhook_url=url)
    accept(services, batch)
    return batch


def closed_batch_with(
    services: Services, account: Account, url: str, *, session: str | None = None
) -> NewBatch:
    """The same, closed by its last image, so that the call is due."""
    batch = batch_with(services, account, url, session=session)
    steps.optimise(services, batch.images[0].id)
    return batch


def row(services: Services, batch_id: UUID) -> Row:
    """The webhook's row, with `wait_seconds` until it is due."""
    with services.database.transaction() as connection:
        found = connection.execute(
            "SELECT *, extract(epoch FROM due_at - now())::float8 AS wait_seconds"
            " FROM webhooks WHERE batch_id = %s",
            (batch_id,),
        ).fetchone()
    assert found
    return found


def pass_time(services: Services, seconds: float) -> None:
    """Lets that much time pass for all webhooks."""
    with services.database.transaction() as connection:
        connection.execute(
            "UPDATE webhooks SET occurred_at = occurred_at - make_interval(secs => %(s)s),"
            " due_at = due_at - make_interval(secs => %(s)s),"
            " lease_until = lease_until - make_interval(secs => %(s)s),"
            " ended_at = ended_at - make_interval(secs => %(s)s)",
            {"s": seconds},
        )
