import re

from shared.imagetype import ImageType
from shared.models import ENDED, TRANSITIONS, Options, Position, State, Watermark
from tests.support.paths import ROOT


def test_options_survive_their_row() -> None:
    for mark in (None, Watermark(33, 44, Position.TL)):
        options = Options(ImageType.AVIF, 70, 1600, None, mark)
        assert Options.from_json(options.to_json()) == options


def test_nothing_follows_an_end() -> None:
    assert all(not TRANSITIONS[state] for state in ENDED)


def test_every_open_state_may_fail_or_be_cancelled() -> None:
    for state in set(State) - ENDED:
        assert {State.FAILED, State.CANCELLED} <= TRANSITIONS[state]


def test_the_database_keeps_to_the_same_state_machine() -> None:
    sql = (ROOT / "infra/migrations/versions/0001_first.py").read_text()
    body = sql.partition("NOT IN (")[2].partition(") THEN")[0]
    allowed = set(re.findall(r"\('(\w+)', '(\w+)'\)", body))
    assert allowed == {(a.value, b.value) for a, after in TRANSITIONS.items() for b in after}
