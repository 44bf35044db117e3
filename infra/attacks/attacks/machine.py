"""What all share on one machine: its memory, and its temporary directory."""

import os
import subprocess
import sys
from pathlib import Path

from infra.attacks.clients import send_batches
from infra.attacks.files import tiny_webp
from infra.attacks.run import Run, SkippedError

_NOBODY = 65534
_SEND_SECONDS = 60.0
_MAKE_FOLDERS = """
import os, sys
os.setgid({nobody}); os.setuid({nobody})
for name in ("memory", "run"):
    os.mkdir(os.path.join(sys.argv[1], f"fluximage-{{name}}-{{sys.argv[2]}}"))
"""


def images_that_wait_for_memory(run: Run) -> None:
    """20 images of 30 megapixels on a machine that has memory for one of them at a time."""
    copies = [tiny_webp()] * 20
    run.start(send_batches, run.target.new_account(), copies, {}, 1, _SEND_SECONDS)()
    run.feel()


def take_folders(shared_folder: Path) -> None:
    """Another user makes the folders that the service would make in the temporary directory."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise SkippedError("only root can act as another user")
    program = _MAKE_FOLDERS.format(nobody=_NOBODY)
    argv = [sys.executable, "-c", program, str(shared_folder), str(os.geteuid())]
    subprocess.run(argv, check=True)


def folder_of_another_user(run: Run) -> None:
    """Another user has made the service's folders in the temporary directory before its start."""
    run.feel()
