"""Whoever attacks harms itself only: the short form of `make attack`."""

import pytest

from infra.attacks.attacks import ATTACKS
from infra.attacks.run import SHORT, run

pytestmark = pytest.mark.full

SEED = 7


def survive(attack: str) -> None:
    """Makes an attack in its short form and requires that no rule is broken."""
    outcome = run(ATTACKS[attack], SEED, SHORT)
    if outcome.skipped:
        pytest.skip(outcome.skipped)
    assert not outcome.violations, outcome.to_json()


def test_a_png_that_is_made_to_cost_much_is_refused_or_ends_in_time() -> None:
    survive("hostile_png")


def test_many_images_of_few_bytes_and_many_pixels_delay_nobody_else() -> None:
    survive("tiny_webps")


def test_the_backlog_of_one_account_delays_no_other() -> None:
    survive("large_backlog")


def test_ten_accounts_all_get_cores() -> None:
    survive("ten_accounts")


def test_a_request_that_waits_goes_before_its_accounts_own_bulk() -> None:
    survive("own_bulk")


def test_images_that_wait_for_memory_delay_none_that_fits() -> None:
    survive("images_that_wait_for_memory")


def test_idle_connections_keep_nobody_out() -> None:
    survive("idle_connections")


def test_heads_that_never_end_keep_nobody_out() -> None:
    survive("slow_heads")


def test_slow_bodies_of_an_account_without_credit_keep_nobody_out() -> None:
    survive("slow_bodies_without_credit")


def test_slow_bodies_of_one_account_keep_nobody_out() -> None:
    survive("slow_bodies")


def test_large_bodies_under_a_bad_key_delay_nobody() -> None:
    survive("refused_bodies")


def test_reads_of_one_account_that_wait_leave_places_to_others() -> None:
    survive("waiting_reads")


def test_listeners_of_one_account_leave_places_to_others() -> None:
    survive("event_listeners")


def test_what_an_account_stores_is_bounded() -> None:
    survive("stored_bytes")


def test_the_work_of_an_account_is_bounded_by_the_hour() -> None:
    survive("work_of_an_hour")


def test_folders_of_another_user_in_the_temporary_directory_stop_nothing() -> None:
    survive("folder_of_another_user")
