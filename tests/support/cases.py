"""Many cheap cases in one test."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest

Test = Callable[..., None]


def _short(value: object) -> str:
    return repr(value[:60] if isinstance(value, str | bytes) else value)[:150]


def every_case(names: str, cases: Iterable[Any]) -> Callable[[Test], Test]:
    """Runs a test function with every case and reports each case that fails.

    It is written like `pytest.mark.parametrize`, with `names` divided by commas. The cases are
    one test and share its fixtures, which are set up once.
    """
    split = [name.strip() for name in names.split(",")]
    given = [case if len(split) > 1 else (case,) for case in cases]

    def decorate(test: Test) -> Test:
        parameters = inspect.signature(test).parameters.values()
        fixtures = [parameter for parameter in parameters if parameter.name not in split]
        subtests = inspect.Parameter("subtests", inspect.Parameter.POSITIONAL_OR_KEYWORD)

        @functools.wraps(test)
        def run(subtests: pytest.Subtests, **more: Any) -> None:
            for case in given:
                with subtests.test(", ".join(_short(value) for value in case)):
                    test(**more, **dict(zip(split, case, strict=True)))

        run.__signature__ = inspect.Signature([subtests, *fixtures])  # type: ignore[attr-defined]  # pytest reads it
        return run

    return decorate
