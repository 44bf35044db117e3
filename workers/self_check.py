"""Whether a worker can work at all: looked at by its main process, and said where it is seen.

A worker whose memory admission is closed lives, and yet ends no image. So it says why in its log,
once; in its sign of life, which `fluximage probe` reads; and in Redis, which `/health/ready` reads.
"""

import logging
from contextlib import suppress

import redis

from shared.clients import worker_reports
from shared.errors import AdmissionClosedError
from shared.services import redis_client
from shared.settings import Settings
from workers.memory import admission

logger = logging.getLogger(__name__)


class SelfCheck:
    """The check of one worker. It has a connection of its own, which no other process uses."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis = redis_client(settings)
        self._fault = ""

    def fault(self, worker: str) -> str:
        """Why this worker, which has that name, can admit no image; or ""."""
        before, self._fault = self._fault, self._look()
        if before and not self._fault:
            logger.warning("images are admitted again")
        with suppress(redis.RedisError):  # it comes again, and readiness names Redis meanwhile
            worker_reports.report(self._redis, worker, self._fault)
        return self._fault

    def _look(self) -> str:
        try:
            admission.of_machine(self._settings.memory_mb).check()
        except AdmissionClosedError as error:
            if error.message != self._fault:
                # A traceback would add nothing.
                logger.error("no image can be admitted: %s", error.__cause__)  # noqa: TRY400 - as said
            return error.message
        return ""
