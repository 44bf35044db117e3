"""GET /api/account: whose key it is."""

from datetime import UTC, datetime

from shared.db import accounts
from shared.plans import Plan
from shared.services import Services
from tests.api.conftest import Still
from tests.support.client import Client


def test_an_account_is_told_with_its_plan_and_its_period(client: Client, service: Services) -> None:
    with service.database.transaction() as connection:
        connection.execute(
            "UPDATE accounts SET created_at = '2020-01-31T23:59:59Z' WHERE id = %s",
            (client.account.id,),
        )
    body = client.call("GET", "/api/account").json()
    started, ends = (
        datetime.fromisoformat(body.pop(f"period_{x}_at")) for x in ("started", "ends")
    )
    assert body == {
        "name": client.account.name,
        "plan": "agency",
        "ai": True,
        "stored_bytes": 0,
        "storage_bytes": 2_000_000_000_000,
    }
    assert started <= datetime.now(UTC) < ends
    assert 28 <= (ends - started).days <= 31
    for moment in (started, ends):  # the 31st, or the last day of a shorter month
        assert moment.day >= 28
        assert moment.isoformat().endswith("T00:00:00+00:00")


def test_an_account_is_told_where_the_service_has_no_ai_provider(still: Still) -> None:
    assert still.call("GET", "/api/account").json()["ai"] is False


def test_a_change_of_plan_is_told_at_once(client: Client, service: Services) -> None:
    accounts.set_plan(service.database, client.account.name, Plan.FREE)
    assert client.call("GET", "/api/account").json()["plan"] == "free"


def test_a_name_is_told_as_it_was_chosen(service_url: str, service: Services) -> None:
    name = '</script> "日本" \\ 🧡'
    key = accounts.create(service.database, f"{name} {datetime.now(UTC)}", Plan.PRO)
    account = accounts.authenticate(service.database, key)
    body = Client(service_url, key, account).call("GET", "/api/account").json()
    assert body["name"].startswith(name)


def test_a_rolled_key_belongs_to_the_same_account(client: Client) -> None:
    key = client.call("POST", "/api/keys/roll").json()["api_key"]
    again = Client(client.url, key, client.account)
    assert again.call("GET", "/api/account").json()["name"] == client.account.name
    assert client.call("GET", "/api/account").status_code == 401
