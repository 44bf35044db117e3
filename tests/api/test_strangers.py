"""Across accounts: what a stranger asks for does not exist, and not one byte tells more.

`make check-access` makes ten thousand of them.
"""

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from uuid import uuid4

import httpx
import pytest

from shared.services import Services
from tests.api.calls import CALLS, OPEN, Call
from tests.support.cases import every_case
from tests.support.client import NO_AUTHORITIES, Client, get
from tests.support.making import make_account, png

READS = int(os.environ.get("READS", "300"))
ACCOUNTS = 12  # each may make 1,200 requests a minute
# Each call whose path names something of an account.
NAMING = [call for call in CALLS if call.names_something and str(call) not in OPEN]
READ_CALLS = [call for call in NAMING if call.method == "GET"]
WRITE_CALLS = [call for call in NAMING if call.method != "GET"]
QUERIES = ["", "?limit=1", "?cursor=1", "?wait=5", "?limit=1000&cursor=0", "/", "/?x"]


@dataclass
class Owner:
    """An account with a session, by every name that a stranger could ask for."""

    client: Client
    names: list[str]
    secret: str


@pytest.fixture(scope="module")
def owners(service_url: str, service: Services) -> list[Owner]:
    """Accounts that each have a finished image."""
    made = []
    for _ in range(ACCOUNTS):
        account, key = make_account(service)
        client = Client(service_url, key, account)
        secret = f"secret{uuid4().hex}"
        session = f"session-{uuid4()}"
        body = client.compress([(f"{secret}.png", png())], {"sessionId": session}).json()
        names = [session, body["batch_id"], body["data"][0]["id"]]
        with service.database.transaction() as connection:
            rows = connection.execute("SELECT id FROM sessions WHERE name = %s", (session,))
            names += [str(row["id"]) for row in rows.fetchall()]
        made.append(Owner(client, names, secret))
    return made


def _reads(
    reader: Owner, owners: list[Owner], count: int, seed: int
) -> Iterator[tuple[Call, httpx.Response]]:
    """What a stranger's reads of that many paths of others return."""
    chance = random.Random(seed)
    others = [owner for owner in owners if owner is not reader]
    headers = {"Authorization": f"Bearer {reader.client.key}"}
    with httpx.Client(base_url=reader.client.url, headers=headers, verify=NO_AUTHORITIES) as client:
        for _ in range(count):
            name = chance.choice(chance.choice(others).names)
            call = chance.choice(READ_CALLS)
            yield call, client.get(call.path_of(name) + chance.choice(QUERIES))


def _compared(response: httpx.Response) -> tuple[object, ...]:
    own = ("date", "x-request-id")
    headers = {k: v for k, v in response.headers.items() if k.lower() not in own}
    return response.status_code, response.content, headers


def _answer_for_nothing(stranger: Owner, call: Call) -> tuple[object, ...]:
    """The answer for a name that does not exist."""
    compared = _compared(stranger.client.call(call.method, call.path_of(str(uuid4()))))
    assert compared[:2] == (404, b'{"error":"There is no such session","code":"not_found"}\n')
    return compared


def test_reads_across_accounts_are_404_with_the_same_bytes(owners: list[Owner]) -> None:
    nothing = {call: _answer_for_nothing(owners[0], call) for call in READ_CALLS}
    each = -(-READS // len(owners))
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda seed: [
                (call, _compared(response))
                for call, response in _reads(owners[seed], owners, each, seed)
            ],
            range(len(owners)),
        )
        compared = list(chain.from_iterable(answers))
    assert len(compared) >= READS
    assert all(answer == nothing[call] for call, answer in compared)


@every_case("call", WRITE_CALLS)
def test_a_write_across_accounts_is_404_and_changes_nothing(
    owners: list[Owner], call: Call
) -> None:
    owner, stranger = owners[:2]
    nothing = _answer_for_nothing(stranger, call)
    for name in owner.names:
        assert _compared(stranger.client.call(call.method, call.path_of(name))) == nothing
    page = owner.client.call("GET", f"/api/sessions/{owner.names[0]}").json()
    assert page["status"] == "completed"
    assert get(page["data"][0]["url"]).status_code == 200


def test_an_owner_reads_its_own_session(owners: list[Owner]) -> None:
    for owner in owners:
        page = owner.client.call("GET", f"/api/sessions/{owner.names[0]}")
        assert owner.secret in page.text


def test_a_batch_under_anothers_session_id_is_ones_own(owners: list[Owner]) -> None:
    owner, stranger = owners[:2]
    body = stranger.client.compress([("a.png", png())], {"sessionId": owner.names[0]})
    page = stranger.client.call("GET", f"/api/sessions/{owner.names[0]}")
    assert body.status_code == page.status_code == 200
    assert owner.secret not in body.text + page.text
    assert page.json()["progress"]["total"] == 1
    stranger.client.call("DELETE", f"/api/sessions/{owner.names[0]}")
    kept = owner.client.call("GET", f"/api/sessions/{owner.names[0]}").json()
    assert get(kept["data"][0]["url"]).status_code == 200
