"""The Python client of fluximage: it speaks the HTTP API and knows nothing of the server's code.

from fluximage import Client

with Client("http://127.0.0.1:8080", key) as client:
    for result in client.compress(["photos"], format="avif", max_width=1600):
        ...
"""

from fluximage.answers import (
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
    NotFound,
    PlanError,
    Temporary,
    Unauthorized,
)
from fluximage.journal import Journal
from fluximage.options import Options
from fluximage.results import Done, Failed
from fluximage.sources import Source

__all__ = [
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
