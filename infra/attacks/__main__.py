"""`make attack SEED=7 ONLY=name`: every attack, or one, each on a new embedded stack.

Prints a JSON object per attack as it ends, and a table of all at the end. The exit code is 1 when
a rule was broken.
"""

import argparse
import sys
from collections.abc import Sequence

from infra.attacks.attacks import ATTACKS
from infra.attacks.outcome import table
from infra.attacks.run import FULL, SHORT, run
from shared.errors import OperatorError


def main(arguments: Sequence[str]) -> int:
    """Makes the attacks that the arguments name; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.attacks", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=ATTACKS, action="append")
    parser.add_argument("--short", action="store_true", help="fewer connections, less time")
    options = parser.parse_args(arguments)
    outcomes = []
    for name in options.only or ATTACKS:
        outcomes.append(run(ATTACKS[name], options.seed, SHORT if options.short else FULL))
        print(outcomes[-1].to_json(), flush=True)
    print(f"\n{table(outcomes)}")
    return 1 if any(outcome.violations for outcome in outcomes) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except OperatorError as error:
        sys.exit(error.message)
