"""What a batch was warned of is in every answer about it, not in the first alone."""

from typing import Any

from tests.api.conftest import Still
from tests.api.raw import gif
from tests.support.making import png

ASYNC = {"Prefer": "respond-async"}
FILES = [("a.png", png())]
MISSPELT = {
    "index": None,
    "code": "unknown_field",
    "message": "The field 'qualty' is not known and was ignored; quality was probably meant",
}


def _post(still: Still, **fields: str) -> Any:
    return still.compress(FILES, {"sessionId": "s"} | fields, ASYNC).json()


def _poll(still: Still, **query: object) -> Any:
    return still.call("GET", "/api/sessions/s", params=query).json()


def test_a_batchs_warnings_are_in_its_answers_before_and_after_it_is_done(still: Still) -> None:
    headers = ASYNC | {"Idempotency-Key": "k"}
    fields = {"sessionId": "s", "qualty": "70"}
    first = still.compress(FILES, fields, headers)
    still.work()
    repeat = still.compress(FILES, fields, headers)
    assert (first.status_code, repeat.status_code) == (202, 200)
    assert first.json()["warnings"] == repeat.json()["warnings"] == [MISSPELT]


def test_a_poll_has_the_warnings_of_every_batch_with_its_id(still: Still) -> None:
    first, _, last = _post(still, qualty="70"), _post(still), _post(still, qualty="70")
    expected = [MISSPELT | {"batch_id": batch["batch_id"]} for batch in (first, last)]
    assert _poll(still)["warnings"] == expected
    still.work(3)
    assert _poll(still, limit=1, cursor=2)["warnings"] == expected


def test_a_poll_has_the_warnings_of_images_after_those_of_batches(still: Still) -> None:
    fields = {"sessionId": "s", "format": "png", "qualty": "70"}
    still.compress([("a.gif", gif(frames=2))], fields, ASYNC)
    still.work()
    codes = [(warning["index"], warning["code"]) for warning in _poll(still)["warnings"]]
    assert codes == [
        (None, "unknown_field"),
        (0, "animation_flattened"),
        (0, "larger_than_original"),
    ]


def test_a_poll_has_the_newest_hundred_warnings_of_batches_in_their_order(still: Still) -> None:
    batches = [_post(still, **{f"x{n}": "" for n in range(9)}) for _ in range(12)]
    made = [
        (batch["batch_id"], warning["message"])
        for batch in batches
        for warning in batch["warnings"]
    ]
    shown = [(warning["batch_id"], warning["message"]) for warning in _poll(still)["warnings"]]
    assert shown == made[-100:]


def test_a_strangers_warnings_are_not_shown(still: Still, still_stranger: Any) -> None:
    _post(still_stranger, qualty="70")
    _post(still)
    assert _poll(still)["warnings"] == []
