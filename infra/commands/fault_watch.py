"""Says on the terminal of `fluximage up` which of its processes can do no work, and why."""

import sys
from pathlib import Path

from infra.commands.console import Console
from shared import heartbeat


class FaultWatch:
    """Looks at the signs of life in `run_folder`, and says on `out` what has changed."""

    def __init__(self, run_folder: Path, out: Console) -> None:
        self._run_folder = run_folder
        self._out = out
        self._told: set[str] = set()

    def look(self) -> None:
        """Says each new fault once, and once that all are over."""
        faults = self._faults()
        for fault in sorted(faults - self._told):
            self._out.line(f"fluximage: {fault}.", sys.stderr)
        if self._told and not faults:
            self._out.line("fluximage: every process works again.", sys.stderr)
        self._told = faults

    def _faults(self) -> set[str]:
        try:
            beats = heartbeat.running(self._run_folder)
        except OSError as error:
            return {f"no image can be processed: {error}"}
        return {f"{beat.name} (process {beat.pid}): {beat.fault}" for beat in beats if beat.fault}
