"""What one fault's run came to, as JSON and as a row of a table."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Outcome:
    """The figures of one run. `besides` are the fault's own; `broken` says what must not be.

    charges and refunds count the ledger's entries, of images and AI credits alike.
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
    besides: Mapping[str, float]
    broken: Sequence[str]

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


_COLUMNS = [
    field.name for field in fields(Outcome) if field.name not in ("seed", "besides", "broken")
]


def table(outcomes: Sequence[Outcome]) -> str:
    """All outcomes in Markdown, and below it whatever is broken."""
    return "\n".join(_lines(outcomes))


def _lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield _row([*(column.replace("_", " ") for column in _COLUMNS), "besides"])
    yield _row(["---", *("---:" for _ in _COLUMNS[1:]), "---"])
    for outcome in outcomes:
        besides = ", ".join(f"{n.replace('_', ' ')}: {v:g}" for n, v in outcome.besides.items())
        yield _row([*(str(getattr(outcome, column)) for column in _COLUMNS), besides])
    for outcome in outcomes:
        for fault in outcome.broken:
            yield f"\nBROKEN by {outcome.fault}: {fault}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
