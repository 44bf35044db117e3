"""A task as the worker's main process sees it: it knows which process held a claim and was lost.

Celery makes one `Request` per message that it takes, in the main process; `Task.Request` names the
class. Without ours the image of a process that was killed would wait for the end of its lease.
"""

import logging
import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from signal import SIGKILL
from typing import Any

from billiard.einfo import ExceptionInfo
from billiard.exceptions import TimeLimitExceeded
from celery.concurrency.base import BasePool
from celery.worker.request import Request
from redis.exceptions import RedisError

from shared import settings
from shared.db import images, upkeep
from shared.db.upkeep import LostClaim
from shared.errors import UnavailableError
from shared.services import Services, build
from workers import lost_claims
from workers.holder import holder

logger = logging.getLogger(__name__)


class ClaimRequest(Request):
    """One run of a step in a process of the pool."""

    _cpu_seconds_before: float | None = None  # of the process, when it began the run

    def on_accepted(self, pid: Any, time_accepted: float) -> None:
        """Called when the process `pid` has begun the run."""
        self._cpu_seconds_before = _cpu_seconds_of(pid)
        super().on_accepted(pid, time_accepted)

    def on_failure(self, exc_info: ExceptionInfo, *arguments: Any, **more: Any) -> None:
        """Called when the process was lost, since a step raises nothing.

        At the task limit it is called just before the process is killed.
        """
        used_seconds = self._used_seconds()
        at_limit = exc_info.type is TimeLimitExceeded
        try:
            super().on_failure(exc_info, *arguments, **more)
        finally:
            self._for_claims(partial(lost_claims.end, used_seconds=used_seconds, at_limit=at_limit))

    def _used_seconds(self) -> float | None:
        """The CPU seconds of this run; None when the process is gone already."""
        now = _cpu_seconds_of(int(self.worker_pid or 0))
        before = self._cpu_seconds_before
        return None if now is None or before is None else now - before

    def cancel(
        self,
        pool: BasePool,
        signal: int | None = None,  # noqa: ARG002 - an encoder notices no other than SIGKILL
        emit_retry: bool = True,
    ) -> None:
        """Called by a cold shutdown, which sends the message back: the attempt does not count.

        That of `express` comes back too, and finds its image measured (`workers.steps.express`).
        """
        super().cancel(pool, SIGKILL, emit_retry)
        self._for_claims(_give_back)

    def _for_claims(self, do: Callable[[Services, list[LostClaim]], None]) -> None:
        """Calls `do` with the claims of the process that ran this task.

        Its services live no longer than the call, since connections and threads would not survive
        the fork of the next process.
        """
        if not self.worker_pid:
            return
        try:
            with closing(build(settings.load(), max_connections=1)) as services:
                do(services, upkeep.claims_of(services.database, holder(int(self.worker_pid))))
        except (UnavailableError, RedisError):
            logger.warning("a claim was not ended; its lease will end", extra={"task": self.id})
        except Exception:
            # Uncaught, it would end the main process.
            logger.exception("a claim was not ended; its lease will end", extra={"task": self.id})


def _give_back(services: Services, claims: list[LostClaim]) -> None:
    for one in claims:
        images.give_back(services.database, one.claim, untried=True)


def _cpu_seconds_of(pid: int) -> float | None:
    """CPU time so far of a process, and of its children that have ended.

    None when the process itself has ended, and on systems without /proc.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # proc_pid_stat(5): utime, stime, cutime and cstime are fields 14 to 17; the name, which may
    # have blanks, ends with the last bracket and is field 2.
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
