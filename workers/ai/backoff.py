"""How long to wait before a failed call is tried again."""

import math
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

# As the provider's own client would wait, whose retries are off: half a second, doubled up to 8.
# The whole wait is random (full jitter), so that calls that failed together do not return together:
# https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 8.0


def seconds_before(attempt: int, headers: Mapping[str, str]) -> float:
    """Returns the seconds to wait after failure number `attempt`, counted from 0.

    headers: of the response, with lower-case names; the wait is at least what they ask for.
    """
    longest = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0**attempt)
    return asked_seconds(headers) + random.uniform(0, longest)  # noqa: S311 - no secret


def asked_seconds(headers: Mapping[str, str]) -> float:
    """Returns the seconds that a response asks us to wait; 0 without a valid header.

    `retry-after` is seconds or an HTTP date (RFC 9110, 10.2.3); `retry-after-ms`, which the
    provider's own client reads too, is more precise and takes precedence.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if name in headers:
            try:
                return _sane(float(headers[name]) * unit)
            except ValueError:
                continue
    try:
        return _sane(parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError):
        return 0.0


def _sane(seconds: float) -> float:
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0
