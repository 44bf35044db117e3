"""Fewer cases than every combination of independent axes, and still every pair of values."""

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any


def pairwise(*axes: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Cases in which each value of an axis meets each value of every other axis.

    A greedy search, the same for the same axes: the next case is the one with the most new pairs.
    """
    rows = [tuple(enumerate(row)) for row in product(*(range(len(axis)) for axis in axes))]
    missing = {pair for row in rows for pair in combinations(row, 2)}
    cases = []
    while missing:
        best = max(rows, key=lambda row: len(missing.intersection(combinations(row, 2))))
        missing.difference_update(combinations(best, 2))
        cases.append(tuple(axes[axis][value] for axis, value in best))
    return cases
