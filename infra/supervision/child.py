"""A process to run under supervision."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared import supervised
from shared.errors import OperatorError

LOG_LINES = 5


@dataclass(frozen=True)
class Child:
    """What to run. Children with a higher `stop_priority` are stopped earlier; equal ones together.

    Output is appended to `log`, or goes to our own output; `user` is the (uid, gid) to run as;
    `pass_fds` are descriptors of ours that it gets. One that `tells_ready` says by itself when it
    serves (`shared.supervised`).
    A child that still runs `grace_seconds` after `stop_signal` gets SIGQUIT, then SIGKILL.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    stop_priority: int = 1
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0
    log: Path | None = None
    user: tuple[int, int] | None = None
    tells_ready: bool = False
    pass_fds: tuple[int, ...] = ()

    def end_of_log(self) -> str:
        """Where its log is, and the last lines of it; empty without a log."""
        if self.log is None:
            return ""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n  ".join((f"{self.log} ends with:", *lines[-LOG_LINES:]))

    def spawn(self, ready: int | None = None) -> subprocess.Popen[bytes]:
        """Start it as the leader of its own session; raises OperatorError when that fails.

        ready: the descriptor on which it tells that it serves.
        """
        telling = {} if ready is None else {supervised.READY_DESCRIPTOR: str(ready)}
        output = self.log.open("ab") if self.log else None
        try:
            return subprocess.Popen(
                self.argv,
                env=dict(self.env) | telling,
                cwd="/" if self.user else None,  # that user may have no access to ours
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
                user=self.user[0] if self.user else None,
                group=self.user[1] if self.user else None,
                extra_groups=[] if self.user else None,
                umask=0o077,
                pass_fds=(*self.pass_fds, *(() if ready is None else (ready,))),
            )
        except OSError as error:
            raise OperatorError(f"{self.name} cannot be started: {error.strerror}.") from error
        finally:
            if output:
                output.close()
