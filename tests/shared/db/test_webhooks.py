"""The rows of webhooks: due in the transaction that closes the batch, called within bounds."""

from uuid import UUID

import pytest

from shared.db import sessions, upkeep, views, webhook_calls, webhooks
from shared.db.accounts import Account
from shared.db.batches import NewBatch
from shared.db.webhook_calls import Bounds
from shared.services import Services
from tests.support.making import accept, make_account, make_batch
from tests.support.webhooks import batch_with, pass_time, row

URL = "https://example.com/hook?token=secret"
SCHEDULE = [5, 30, 120, 600, *[3600] * 23]


@pytest.fixture
def account(unit: Services) -> Account:
    return make_account(unit)[0]


def due(services: Services, account: Account, url: str = URL) -> NewBatch:
    batch = batch_with(services, account, url)
    with services.database.transaction() as connection:
        connection.execute("UPDATE batches SET closed_at = now() WHERE id = %s", (batch.id,))
    return batch


def claim(services: Services) -> webhook_calls.Call:
    found = webhook_calls.claim_next(services.database, "worker/1")
    assert found
    return found


def claimed(services: Services, bounds: Bounds) -> list[webhook_calls.Call]:
    found = []
    while call := webhook_calls.claim_next(services.database, "worker/1", bounds):
        found.append(call)
    return found


def left(services: Services) -> list[UUID]:
    with services.database.transaction() as connection:
        rows = connection.execute("SELECT batch_id FROM webhooks").fetchall()
    return [one["batch_id"] for one in rows]


def test_a_webhook_waits_until_its_batch_is_closed_by_whatever_statement(
    unit: Services, account: Account
) -> None:
    batch = batch_with(unit, account, URL)
    assert webhook_calls.claim_next(unit.database, "worker/1") is None
    with unit.database.transaction() as connection:
        connection.execute("UPDATE batches SET closed_at = now() WHERE id = %s", (batch.id,))
    assert claim(unit).batch_id == batch.id


def test_a_batch_that_the_sweep_closes_has_its_webhook_called(
    unit: Services, account: Account
) -> None:
    batch = batch_with(unit, account, URL)
    with unit.database.transaction() as connection:
        connection.execute(
            "UPDATE images SET state = 'cancelled', ended_number = 1 WHERE batch_id = %s",
            (batch.id,),
        )
    assert upkeep.close_ended_batches(unit.database)
    assert row(unit, batch.id)["status"] == "pending"


def test_a_transaction_that_closes_a_batch_and_fails_leaves_its_webhook_waiting(
    unit: Services, account: Account
) -> None:
    batch = batch_with(unit, account, URL)
    with unit.database.transaction() as connection:
        connection.execute("UPDATE batches SET closed_at = now() WHERE id = %s", (batch.id,))
        connection.execute("ROLLBACK")
    assert row(unit, batch.id)["status"] == "waiting"


def test_attempts_follow_the_schedule_until_a_day_has_passed(
    unit: Services, account: Account
) -> None:
    batch = due(unit, account)
    waits = []
    while row(unit, batch.id)["status"] == "pending":
        assert webhook_calls.note_failed(unit.database, claim(unit), 500)
        if row(unit, batch.id)["status"] == "pending":
            waits.append(round(row(unit, batch.id)["wait_seconds"]))
            pass_time(unit, waits[-1])
    assert waits == SCHEDULE
    ended = row(unit, batch.id)
    assert (ended["status"], ended["attempts"]) == ("failed", len(SCHEDULE) + 1)


def test_a_commit_under_a_lost_claim_changes_nothing(unit: Services, account: Account) -> None:
    batch = due(unit, account)
    late = claim(unit)
    pass_time(unit, webhook_calls.LEASE_SECONDS + 1)
    webhook_calls.end_lost(unit.database)
    assert not webhook_calls.note_delivered(unit.database, late, 200)
    found = row(unit, batch.id)
    assert (found["status"], found["attempts"], round(found["wait_seconds"])) == ("pending", 1, 5)


def test_only_the_claims_of_the_worker_that_is_gone_end(unit: Services, account: Account) -> None:
    batch = due(unit, account)
    claim(unit)
    webhook_calls.end_claims_of_worker(unit.database, "work")
    assert row(unit, batch.id)["token"]
    webhook_calls.end_claims_of_worker(unit.database, "worker")
    assert row(unit, batch.id)["token"] is None


def test_a_claim_that_somebody_else_is_changing_does_not_hold_up_the_end_of_the_others(
    unit: Services, account: Account
) -> None:
    batches = {due(unit, account).id, due(unit, account).id}
    held, lost = claim(unit).batch_id, claim(unit).batch_id
    assert {held, lost} == batches
    pass_time(unit, webhook_calls.LEASE_SECONDS + 1)
    with unit.database.transaction() as connection:
        connection.execute("SELECT 1 FROM webhooks WHERE batch_id = %s FOR UPDATE", (held,))
        webhook_calls.end_lost(unit.database)
    assert [row(unit, one)["token"] is None for one in (held, lost)] == [False, True]


def test_no_more_messages_are_sent_than_calls_may_start(unit: Services, account: Account) -> None:
    for _ in range(5):
        due(unit, account)
        due(unit, account, "https://example.org/hook")
    bounds = Bounds(origin=3)
    claimed_first = webhook_calls.claim_next(unit.database, "worker/1", bounds)
    assert claimed_first
    assert webhook_calls.count_startable(unit.database, bounds) == 5
    assert len(claimed(unit, bounds)) == 5
    assert webhook_calls.count_startable(unit.database, bounds) == 0


@pytest.mark.parametrize("repeats", [False, True])
def test_an_account_near_its_bound_is_sent_only_as_many_messages(
    unit: Services, account: Account, repeats: bool
) -> None:
    for _ in range(4):
        due(unit, account)
    with unit.database.transaction() as connection:
        connection.execute("UPDATE webhooks SET attempts = %s", (int(repeats),))
    bounds = Bounds(account=3, account_repeats=2, repeats=2)
    assert webhook_calls.count_startable(unit.database, bounds) == len(claimed(unit, bounds))


def test_calls_to_one_host_and_port_are_bounded(unit: Services, account: Account) -> None:
    for _ in range(3):
        due(unit, account, "https://slow.example/hook")
    other = due(unit, account, "https://slow.example:8443/hook")
    calls = claimed(unit, Bounds(origin=2))
    assert [call.origin for call in calls].count("slow.example:443") == 2
    assert other.id in {call.batch_id for call in calls}


def test_calls_of_one_account_are_bounded_and_another_account_goes_first(
    unit: Services, account: Account
) -> None:
    for number in range(4):
        due(unit, account, f"https://{number}.example/hook")
    assert claim(unit).account_id == account.id
    other = due(unit, make_account(unit)[0])
    assert claim(unit).batch_id == other.id
    assert len(claimed(unit, Bounds(account=3))) == 2


def test_repeats_leave_room_for_first_attempts(unit: Services, account: Account) -> None:
    for number in range(4):
        due(unit, account, f"https://{number}.example/hook")
    for call in claimed(unit, Bounds()):
        webhook_calls.note_failed(unit.database, call, None)
    pass_time(unit, 5)
    fresh = due(unit, account)
    for bounds in (Bounds(account_repeats=2), Bounds(repeats=2)):
        calls = claimed(unit, bounds)
        assert [call.attempts for call in calls] == [1, 2, 2]
        assert calls[0].batch_id == fresh.id
        webhook_calls.end_all_claims(unit.database)
        with unit.database.transaction() as connection:
            connection.execute("UPDATE webhooks SET due_at = now(), attempts = 1")
            connection.execute("UPDATE webhooks SET attempts = 0 WHERE batch_id = %s", (fresh.id,))


def test_deleting_a_session_tells_each_receiver_that_was_not_told_once(
    unit: Services, account: Account
) -> None:
    told, failing, open_, over = (
        batch_with(unit, account, URL, session="spring-sale") for _ in range(4)
    )
    for batch in (told, failing, over):
        with unit.database.transaction() as connection:
            connection.execute("UPDATE batches SET closed_at = now() WHERE id = %s", (batch.id,))
    first, second, third = claimed(unit, Bounds())
    webhook_calls.note_delivered(unit.database, first, 200)
    webhook_calls.note_failed(unit.database, second, 500)
    webhook_calls.give_up(unit.database, third, 410)
    sessions.delete(unit.database, account.id, "spring-sale")
    sessions.delete(unit.database, account.id, "spring-sale")
    calls = claimed(unit, Bounds())
    assert {(call.batch_id, call.event) for call in calls} == {
        (second.batch_id, "batch.cancelled"),
        (open_.id, "batch.cancelled"),
    }
    assert second.message_id not in {call.message_id for call in calls}
    for call in calls:
        webhook_calls.note_delivered(unit.database, call, 200)
    sessions.delete(unit.database, account.id, "spring-sale")
    assert claimed(unit, Bounds()) == []


def test_cancelling_a_session_completes_its_batches(unit: Services, account: Account) -> None:
    batch = batch_with(unit, account, URL)
    sessions.cancel(unit.database, account.id, batch.session_name)
    assert claim(unit).event == "batch.completed"


def test_a_call_that_was_under_way_when_its_session_was_deleted_is_not_counted(
    unit: Services, account: Account
) -> None:
    batch = due(unit, account)
    under_way = claim(unit)
    sessions.delete(unit.database, account.id, batch.session_name)
    assert not webhook_calls.note_delivered(unit.database, under_way, 200)
    assert claim(unit).event == "batch.cancelled"


def test_a_session_shows_its_newest_hundred_that_are_not_delivered_without_their_query(
    unit: Services, account: Account
) -> None:
    made = [
        batch_with(unit, account, f"{URL}&n={n}#top", session="spring-sale")
        for n in range(webhooks.MAX_LISTED + 2)
    ]
    with unit.database.transaction() as connection:
        connection.execute("UPDATE batches SET closed_at = now() WHERE id = %s", (made[-1].id,))
    webhook_calls.note_delivered(unit.database, claim(unit), 200)
    view = views.view_session(unit.database, account.id, "spring-sale", after_number=0, limit=1)
    assert [one.batch_id for one in view.webhooks] == [batch.id for batch in made[-2:0:-1]]
    assert {one.url for one in view.webhooks} == {"https://example.com/hook"}


def test_a_batch_inherits_the_webhook_of_the_batch_that_it_repeats(
    unit: Services, account: Account
) -> None:
    first = batch_with(unit, account, URL, session="spring-sale")
    again = make_batch(unit, account, session="spring-sale")
    accept(unit, again)
    with unit.database.transaction() as connection:
        webhooks.inherit(connection, first.id, again.id)
    assert (row(unit, again.id)["url"], row(unit, again.id)["status"]) == (URL, "waiting")
    assert row(unit, again.id)["message_id"] != row(unit, first.id)["message_id"]


def test_a_webhook_outlives_its_batch_and_its_session(unit: Services, account: Account) -> None:
    batch = due(unit, account)
    upkeep.delete_batch(unit.database, batch.id)
    with unit.database.transaction() as connection:
        connection.execute("DELETE FROM sessions")
    assert claim(unit).session_name == batch.session_name


def test_a_webhook_is_deleted_some_time_after_its_end(unit: Services, account: Account) -> None:
    due(unit, account)
    webhook_calls.note_delivered(unit.database, claim(unit), 200)
    open_ = due(unit, account)
    pass_time(unit, 100)
    webhook_calls.delete_old(unit.database, 101)
    assert len(left(unit)) == 2
    pass_time(unit, 2)
    webhook_calls.delete_old(unit.database, 101)
    assert left(unit) == [open_.id]
