"""The result of one experiment, as JSON and as a row of a table."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Outcome:
    """The figures of one run, and every rule that was broken.

    charges and refunds count the ledger's entries, of images and AI credits alike.
    other_figures are those of the fault alone.
    """

    fault: str
    seed: int
    images: int
    ended: int
    done: int
    failed: int
    charges: int
    refunds: int
    ran_more_than_once: int
    late_commits_refused: int
    batches_closed_twice: int
    seconds: float
    other_figures: Mapping[str, float]
    violations: Sequence[str]

    def to_json(self) -> str:
        """A JSON object on one line."""
        return json.dumps(asdict(self))


_NOT_IN_TABLE = {"seed", "other_figures", "violations"}
_COLUMNS = [field.name for field in fields(Outcome) if field.name not in _NOT_IN_TABLE]


def table(outcomes: Sequence[Outcome]) -> str:
    """All outcomes as a Markdown table, and below it every violation."""
    return "\n".join(_lines(outcomes))


def _lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield _row([*(column.replace("_", " ") for column in _COLUMNS), "other figures"])
    yield _row(["---", *("---:" for _ in _COLUMNS[1:]), "---"])
    for outcome in outcomes:
        others = outcome.other_figures.items()
        last = ", ".join(f"{name.replace('_', ' ')}: {value:g}" for name, value in others)
        yield _row([*(str(getattr(outcome, column)) for column in _COLUMNS), last])
    for outcome in outcomes:
        for violation in outcome.violations:
            yield f"\nBROKEN by {outcome.fault}: {violation}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
