"""The tokens of every call are counted, and the limits per day hold."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from shared.db import ai_usage
from shared.db.ai_usage import Spent
from shared.errors import AiLimitError
from shared.models import Tokens
from shared.services import Services
from tests.support.making import BOTH_TEXTS, accept, make_account, make_batch


def test_tokens_are_noted_on_their_image(unit: Services) -> None:
    account, _ = make_account(unit)
    (image_id,) = accept(unit, make_batch(unit, account, options=BOTH_TEXTS))
    for _ in range(2):
        ai_usage.record(unit.database, account.id, image_id, Tokens(900, 300, 40))
    with unit.database.transaction() as connection:
        row = connection.execute(
            "SELECT ai_input_tokens, ai_cached_tokens, ai_output_tokens FROM images"
        ).fetchone()
    assert row is not None
    assert tuple(row.values()) == (1800, 600, 80)


def test_calls_made_at_once_are_all_counted(unit: Services) -> None:
    account, _ = make_account(unit)
    with ThreadPoolExecutor(10) as pool:
        for _ in range(40):
            pool.submit(ai_usage.record, unit.database, account.id, uuid4(), Tokens(10, 2, 1))
    assert ai_usage.spent(unit.database) == Spent(40, Tokens(400, 80, 40))


def test_an_account_at_its_limit_of_today_is_told(unit: Services) -> None:
    account, _ = make_account(unit)
    other, _ = make_account(unit)
    settings = unit.settings.model_copy(update={"ai_account_tokens_per_day": 13})
    ai_usage.record(unit.database, account.id, uuid4(), Tokens(10, 2, 0))
    ai_usage.check(unit.database, account.id, settings)
    ai_usage.record(unit.database, account.id, uuid4(), Tokens(0, 0, 1))
    with pytest.raises(AiLimitError, match="this account"):
        ai_usage.check(unit.database, account.id, settings)
    ai_usage.check(unit.database, other.id, settings)


def test_all_accounts_together_have_a_limit_too(unit: Services) -> None:
    spender, _ = make_account(unit)
    other, _ = make_account(unit)
    settings = unit.settings.model_copy(update={"ai_tokens_per_day": 13})
    ai_usage.record(unit.database, spender.id, uuid4(), Tokens(13, 0, 0))
    with pytest.raises(AiLimitError, match="this service"):
        ai_usage.check(unit.database, other.id, settings)


def test_a_limit_is_of_one_day(unit: Services) -> None:
    account, _ = make_account(unit)
    settings = unit.settings.model_copy(update={"ai_account_tokens_per_day": 13})
    ai_usage.record(unit.database, account.id, uuid4(), Tokens(13, 0, 0))
    with unit.database.transaction() as connection:
        connection.execute("UPDATE ai_usage SET day = day - 1")
    ai_usage.check(unit.database, account.id, settings)
