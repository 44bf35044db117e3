"""The result of one attack, as JSON and as a row of a table."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from infra.attacks.innocent import Felt, median, percentile

_COLUMNS = (
    ("attack", "---"),
    ("idle ms p50 / p99", "---:"),
    ("attacked ms p50 / p99", "---:"),
    ("p50 ×", "---:"),
    ("images", "---:"),
    ("polite 503 s", "---:"),
    ("health idle ms p50 / p99", "---:"),
    ("health attacked ms p50 / p99", "---:"),
    ("other figures", "---"),
    ("held", "---"),
)


@dataclass(frozen=True)
class Outcome:
    """What the innocent account felt before the attack and during it, and what was broken.

    seconds: how long the attack took. skipped: why it was not made.
    """

    attack: str
    sentence: str
    idle: Felt = field(default_factory=Felt)
    felt: Felt = field(default_factory=Felt)
    figures: Mapping[str, float] = field(default_factory=dict)
    violations: Sequence[str] = ()
    seconds: float = 0.0
    skipped: str | None = None

    def to_json(self) -> str:
        """A JSON object on one line."""
        columns = (name for name, _ in _COLUMNS)
        shown = dict(zip(columns, self.cells(), strict=True))
        return json.dumps(shown | {"seconds": self.seconds, "violations": list(self.violations)})

    def cells(self) -> list[str]:
        """The row of the table."""
        idle, felt = self.idle, self.felt
        others = [f"{name.replace('_', ' ')}: {value:g}" for name, value in self.figures.items()]
        return [
            self.attack,
            _milliseconds(idle.images),
            _milliseconds(felt.images),
            f"{median(felt.images) / median(idle.images):.1f}",
            str(len(felt.images)),
            f"{felt.refused_seconds:.1f}",
            _milliseconds(idle.health),
            _milliseconds(felt.health),
            f"skipped: {self.skipped}" if self.skipped else ", ".join(others),
            "–" if self.skipped else "no" if self.violations else "yes",
        ]


def _milliseconds(values: list[float]) -> str:
    if not values:
        return "–"
    return f"{1000 * median(values):.0f} / {1000 * percentile(values, 99):.0f}"


def table(outcomes: Sequence[Outcome]) -> str:
    """All outcomes as a Markdown table, and below it every violation."""
    return "\n".join(_lines(outcomes))


def _lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield _row([name for name, _ in _COLUMNS])
    yield _row([line for _, line in _COLUMNS])
    for outcome in outcomes:
        yield _row(outcome.cells())
    for outcome in outcomes:
        for violation in outcome.violations:
            yield f"\nBROKEN by {outcome.attack}: {violation}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
