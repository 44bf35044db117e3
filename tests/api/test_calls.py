"""The list of calls on which other tests build is the application's own."""

from api.app import build_app
from shared.services import Services
from tests.api.calls import CALLS, calls_of


def test_the_application_accepts_the_calls_of_its_blueprints_and_no_others(unit: Services) -> None:
    app = build_app(unit)
    app.extensions["fluximage"].listener.close()
    assert calls_of(app) == CALLS
    assert len(CALLS) >= 8
