"""A process to run under supervision."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import OperatorError


@dataclass(frozen=True)
class Child:
    """What to run. A higher `stage` starts later and ends earlier; one stage ends together.

    `log` takes the output (appended), else it goes to ours; `user` is (uid, gid) to run as.
    A child that outlives `grace_seconds` after `stop_signal` gets SIGQUIT, then SIGKILL.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    stage: int = 1
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0
    log: Path | None = None
    user: tuple[int, int] | None = None

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it, leading a session of its own; raises OperatorError when that fails."""
        output = self.log.open("ab") if self.log else None
        try:
            return subprocess.Popen(
                self.argv,
                env=dict(self.env),
                cwd="/" if self.user else None,  # ours may be closed to that user
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
                user=self.user[0] if self.user else None,
                group=self.user[1] if self.user else None,
                extra_groups=[] if self.user else None,
                umask=0o077,
            )
        except OSError as error:
            raise OperatorError(f"{self.name} cannot be started: {error.strerror}.") from error
        finally:
            if output:
                output.close()
