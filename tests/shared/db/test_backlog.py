"""The queue is closed to who filled it, and not to all."""

import pytest

from shared.db import backlog
from shared.db.accounts import Account
from shared.errors import QueueFullError
from shared.services import Services
from shared.settings import Settings
from tests.support.making import CHEAP, accept, make_account, make_batch


def waiting(services: Services, *counts: int) -> list[Account]:
    """New accounts with so many waiting images each."""
    accounts = [make_account(services)[0] for _ in counts]
    for account, count in zip(accounts, counts, strict=True):
        if count:
            accept(services, make_batch(services, account, ["a.png"] * count))
    return accounts


def taking(services: Services, max_images: int) -> Settings:
    return services.settings.model_copy(update={"max_queue_images": max_images})


def is_refused(services: Services, account: Account, settings: Settings) -> bool:
    try:
        backlog.check_queue(services.database, account.id, settings)
    except QueueFullError:
        return True
    return False


def test_a_full_queue_refuses_those_with_more_than_their_share(unit: Services) -> None:
    accounts = waiting(unit, 7, 4, 2, 0)
    refused = [is_refused(unit, account, taking(unit, 12)) for account in accounts]
    assert refused == [True, False, False, False]


@pytest.mark.parametrize("counts", [(13,), (7, 6)])
def test_a_full_queue_refuses_somebody(unit: Services, counts: tuple[int, ...]) -> None:
    accounts = waiting(unit, *counts)
    assert any(is_refused(unit, account, taking(unit, 12)) for account in accounts)


def test_a_queue_with_room_refuses_nobody(unit: Services) -> None:
    accounts = waiting(unit, 10, 2)
    assert not any(is_refused(unit, account, taking(unit, 12)) for account in accounts)


def test_the_queue_is_counted_with_its_work_and_its_accounts(unit: Services) -> None:
    waiting(unit, 3, 1)
    queue = backlog.queue_state(unit.database)
    assert (queue.images, queue.accounts) == (4, 2)
    assert queue.cpu_seconds == pytest.approx(4 * CHEAP.cpu_seconds)


def test_a_long_queue_is_not_counted_at_every_question(unit: Services) -> None:
    waiting(unit, 2)
    assert backlog.queue_state(unit.database).images == 2
    with unit.database.transaction() as connection:
        # As it would be with so many: they are counted again after ten seconds.
        connection.execute("UPDATE backlog SET images = 1000000, counted_at = now()")
    assert backlog.queue_state(unit.database).images == 1_000_000
    with unit.database.transaction() as connection:
        connection.execute("UPDATE backlog SET counted_at = now() - interval '11 s'")
    assert backlog.queue_state(unit.database).images == 2
