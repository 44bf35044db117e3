"""The Python client of fluximage: it speaks the HTTP API and knows nothing of the server's code.

from fluximage import Client

with Client("http://127.0.0.1:8080", key) as client:
    for result in client.compress(["photos"], format="avif", max_width=1600):
        ...
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluximage.answers import (
        Account,
        Batch,
        Event,
        Image,
        ImageFailure,
        Notice,
        Progress,
        SessionPage,
        SessionSummary,
        Usage,
    )
    from fluximage.client import Client
    from fluximage.errors import (
        ApiError,
        BadRequest,
        ConfigurationError,
        Conflict,
        DownloadError,
        FluximageError,
        JournalInUse,
        KeyReused,
        NotFound,
        PlanError,
        Temporary,
        Unauthorized,
    )
    from fluximage.journal import Journal
    from fluximage.options import Options
    from fluximage.results import Done, Failed
    from fluximage.sources import Source

_HOMES = ("answers", "client", "errors", "journal", "options", "results", "sources")


def __getattr__(name: str) -> object:
    """A public name, imported when it is first used: the command line imports this package for
    commands that need no HTTP, such as a health check that runs every few seconds."""
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"fluximage.{home}")
            if getattr(getattr(module, name, None), "__module__", "") == module.__name__:
                globals()[name] = getattr(module, name)
                return globals()[name]
    raise AttributeError(f"module 'fluximage' has no attribute {name!r}")


__all__ = [
    "Account",
    "ApiError",
    "BadRequest",
    "Batch",
    "Client",
    "ConfigurationError",
    "Conflict",
    "Done",
    "DownloadError",
    "Event",
    "Failed",
    "FluximageError",
    "Image",
    "ImageFailure",
    "Journal",
    "JournalInUse",
    "KeyReused",
    "NotFound",
    "Notice",
    "Options",
    "PlanError",
    "Progress",
    "SessionPage",
    "SessionSummary",
    "Source",
    "Temporary",
    "Unauthorized",
    "Usage",
]
