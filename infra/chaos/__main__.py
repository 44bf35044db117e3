"""`make chaos SEED=7 ONLY=name COUNT=1000`: every fault, or one, against the embedded stack.

Prints a JSON object per fault as it ends, and a table of all at the end. The exit code is 1 when
a rule was broken.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.chaos import experiment
from infra.chaos.environment import start_environment
from infra.chaos.faults import FAULTS
from infra.chaos.outcome import table
from shared.errors import OperatorError


def main(arguments: Sequence[str]) -> int:
    """Runs the faults that the arguments name; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=FAULTS, action="append")
    parser.add_argument("--count", type=int, default=experiment.FULL_COUNT, help="images to send")
    parser.add_argument("--logs", type=Path, help="a new folder for the logs of all processes")
    options = parser.parse_args(arguments)
    outcomes = []
    with start_environment(options.logs) as environment:
        for name in options.only or FAULTS:
            outcomes.append(experiment.run(environment, FAULTS[name], options.seed, options.count))
            print(outcomes[-1].to_json(), flush=True)
    print(f"\n{table(outcomes)}")
    return 1 if any(outcome.violations for outcome in outcomes) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except OperatorError as error:
        sys.exit(error.message)
