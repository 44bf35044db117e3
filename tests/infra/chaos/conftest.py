"""One service that may be broken, for all tests of this room."""

from collections.abc import Callable, Iterator

import pytest

from infra.chaos import experiment
from infra.chaos.environment import Stage, stage
from infra.chaos.faults import FAULTS

SEED, COUNT = 7, 60
Survives = Callable[[str], None]


@pytest.fixture(scope="session")
def broken_stage() -> Iterator[Stage]:
    """Servers, API and workers of their own."""
    with stage() as running:
        yield running


@pytest.fixture
def survives(broken_stage: Stage) -> Survives:
    """Lets a fault loose in its short form: nothing may be broken in the end."""

    def survive(fault: str) -> None:
        outcome = experiment.run(broken_stage, FAULTS[fault], SEED, COUNT)
        assert not outcome.broken, outcome.to_json()

    return survive
