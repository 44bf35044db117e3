"""The service keeps its promise while things break: the short form of `make chaos`."""

import pytest

from tests.infra.chaos.conftest import Survives

pytestmark = pytest.mark.full


def test_killed_workers_lose_no_image_and_charge_none_twice(survives: Survives) -> None:
    survives("kill_workers")


def test_a_worker_that_was_paused_past_its_lease_changes_nothing_any_more(
    survives: Survives,
) -> None:
    survives("pause_workers")


def test_a_rolling_restart_fails_no_image(survives: Survives) -> None:
    survives("restart_service")


def test_poison_harms_only_itself(survives: Survives) -> None:
    survives("poison")


def test_a_broker_that_is_emptied_costs_nothing(survives: Survives) -> None:
    survives("empty_broker")


def test_a_full_broker_costs_nothing(survives: Survives) -> None:
    survives("fill_broker")


def test_a_broker_that_crashes_costs_nothing(survives: Survives) -> None:
    survives("crash_broker")


def test_a_broker_that_closes_every_connection_costs_nothing(survives: Survives) -> None:
    survives("cut_connections")


def test_a_batch_whose_messages_were_sent_in_part_is_completed(survives: Survives) -> None:
    survives("cut_publishing")


def test_a_database_that_crashes_costs_nothing(survives: Survives) -> None:
    survives("crash_postgres")


def test_a_store_that_refuses_hangs_and_cuts_its_answers_costs_nothing(
    survives: Survives,
) -> None:
    survives("fail_store")


def test_workers_killed_during_calls_to_the_model_keep_the_credits_exact(
    survives: Survives,
) -> None:
    survives("kill_describers")


def test_one_request_sent_a_hundred_times_is_one_batch(survives: Survives) -> None:
    survives("repeat_request")


def test_fifty_requests_at_once_for_ten_credits_spend_ten(survives: Survives) -> None:
    survives("spend_last_credits")


def test_clients_that_hang_up_leave_nothing_open(survives: Survives) -> None:
    survives("hang_up")
