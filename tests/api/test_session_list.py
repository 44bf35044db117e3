"""GET /api/sessions: the account's sessions, page by page."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from tests.api.conftest import Still
from tests.support.cases import every_case
from tests.support.client import Client
from tests.support.making import png

ASYNC = {"Prefer": "respond-async"}
BAD_CURSORS = [
    *("", "5", "-", "1-", "-s", "x-s", "1-a b", "1-..", "1-\0", "1-ü", "٣-s"),
    *("1-" + "s" * 129, "9" * 17 + "-s", "-1-s", "1 OR 1=1"),
]


def _post(client: Client, session: str) -> None:
    client.compress([("a.png", png())], {"sessionId": session}, ASYNC)


def _list(client: Client, **query: object) -> Any:
    response = client.call("GET", "/api/sessions", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_list_has_the_documented_keys(still: Still) -> None:
    _post(still, "s")
    body = _list(still)
    assert list(body) == ["sessions", "next_cursor"]
    [session] = body["sessions"]
    assert list(session) == ["session_id", "status", "progress", "created_at"]
    assert session["progress"] == still.call("GET", "/api/sessions/s").json()["progress"]
    created = datetime.strptime(session["created_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=5)


def test_an_account_without_sessions_has_an_empty_list(still: Still) -> None:
    assert _list(still) == {"sessions": [], "next_cursor": None}


def test_cursors_lead_from_the_newest_to_the_oldest(still: Still, still_stranger: Client) -> None:
    names = ["a-1", "b:2", "-", "c.3", "1-2-3"]
    for name in names:
        _post(still, name)
    _post(still_stranger, "not-ours")
    seen: list[str] = []
    query: dict[str, str] = {}
    while query.get("cursor", "") is not None:
        page = _list(still, limit=2, **query)
        seen += [session["session_id"] for session in page["sessions"]]
        query = {"cursor": page["next_cursor"]}
    assert seen == names[::-1]


def test_a_page_that_is_just_full_is_the_last(still: Still) -> None:
    for name in "ab":
        _post(still, name)
    assert _list(still, limit=2)["next_cursor"] is None


@every_case(
    "name, value",
    [*product(["limit"], ["", "0", "1001", "x", "٣"]), *product(["cursor"], BAD_CURSORS)],
)
def test_a_bad_query_value_is_refused_by_its_name(still: Still, name: str, value: str) -> None:
    response = still.call("GET", "/api/sessions", params={name: value})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_field")
    assert response.json()["error"].startswith(f"{name} must be ")


def test_any_place_is_a_place_to_go_on_from(still: Still) -> None:
    _post(still, "s")
    assert _list(still, cursor="0-s")["sessions"] == []
    assert len(_list(still, cursor=f"{'9' * 16}-s")["sessions"]) == 1
