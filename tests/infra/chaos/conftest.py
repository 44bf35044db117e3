"""One service for all tests of this package, into which faults are injected."""

from collections.abc import Callable, Iterator

import pytest

from infra.chaos import experiment
from infra.chaos.environment import Environment, start_environment
from infra.chaos.faults import FAULTS

SEED, COUNT = 7, 60
Survives = Callable[[str], None]


@pytest.fixture(scope="session")
def environment() -> Iterator[Environment]:
    """Servers, API and workers of these tests alone."""
    with start_environment() as started:
        yield started


@pytest.fixture
def survives(environment: Environment) -> Survives:
    """Injects a fault in its short form and requires that no rule is broken."""

    def survive(fault: str) -> None:
        outcome = experiment.run(environment, FAULTS[fault], SEED, COUNT)
        assert not outcome.violations, outcome.to_json()

    return survive
