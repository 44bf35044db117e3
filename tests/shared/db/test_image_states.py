"""The state machine: the table, the live database and the rest of the code agree."""

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from uuid import UUID

import psycopg
import pytest

from shared.db.database import Connection
from shared.db.image_states import TRANSITIONS, State
from shared.services import Services
from tests.support.cases import every_case
from tests.support.making import accept, make_account, make_batch
from tests.support.paths import ROOT

CLAIMED = {State.PROCESSING, State.DESCRIBING}
ENDED = {State.DONE, State.FAILED, State.CANCELLED}


class UndoneError(Exception):
    """Rolls a transaction back."""


def test_nothing_follows_an_end() -> None:
    assert all(not TRANSITIONS[state] for state in ENDED)


def test_every_open_state_may_fail_or_be_cancelled() -> None:
    for state in set(State) - ENDED:
        assert {State.FAILED, State.CANCELLED} <= TRANSITIONS[state]


@pytest.fixture
def image(unit: Services) -> UUID:
    """An image that waits for its first step."""
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    accept(unit, batch)
    return batch.images[0].id


@every_case("before, after", list(product(State, State)))
def test_the_databases_trigger_allows_what_the_table_allows(
    unit: Services, image: UUID, before: State, after: State
) -> None:
    with suppress(UndoneError), unit.database.transaction() as connection:
        connection.execute("ALTER TABLE images DISABLE TRIGGER images_keep_to_transitions")
        put(connection, image, before)
        connection.execute("ALTER TABLE images ENABLE TRIGGER images_keep_to_transitions")
        allowed = after in TRANSITIONS[before] or before is after
        try:
            put(connection, image, after)
        except psycopg.errors.RaiseException:
            assert not allowed
        else:
            assert allowed
        raise UndoneError


def put(connection: Connection, image: UUID, state: State) -> None:
    """Sets the state, and what the table's checks want beside it."""
    connection.execute(
        "UPDATE images SET state = %s, token = CASE WHEN %s THEN gen_random_uuid() END,"
        " ended_number = CASE WHEN %s THEN 1 END WHERE id = %s",
        (state, state in CLAIMED, state in ENDED, image),
    )


def statements() -> Iterator[tuple[str, str]]:
    """Every string of the product's code that updates the table of images, and where it stands."""
    for room in ("api", "shared", "workers", "infra/commands"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for found in re.findall(r'"""(.*?)"""|"([^"\n]*)"', path.read_text(), re.DOTALL):
                text = "".join(found)
                if re.search(r"UPDATE\s+images", text):
                    yield str(path.relative_to(ROOT)), text


def test_no_statement_outside_of_image_states_moves_an_image() -> None:
    movers = {where for where, text in statements() if moves(text)}
    assert movers == {"shared/db/image_states.py"}


def moves(statement: str) -> bool:
    """Whether the statement sets `state`, outright or by a part that is filled in."""
    changes = re.split(r"\b(?:WHERE|FROM)\b", statement)[0]
    return re.search(r"\bstate\s*=|\{move\}", changes) is not None
