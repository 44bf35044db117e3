"""Installs what a lock file names, and this project, into the environment that runs it.

`make` calls it as `python -m infra.dev.install LOCK`; it needs the standard library alone.
"""

import re
import subprocess
import sys
from pathlib import Path

from infra.commands.console import Console

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-color", "install")
LINES_SHOWN = 15  # of what pip said before it failed


def main(lock: str) -> int:
    """Returns pip's exit code; its output is shown only when it fails."""
    total = len(re.findall(r"^\w\S*==", Path(lock).read_text(), re.MULTILINE))
    # Python compiles what is imported, when it is: the rest would be half of the work.
    wanted = ("--no-compile", "--require-hashes", "--requirement", lock)
    this = ("--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")
    with Console() as console:
        console.line(f"Installing what {lock} names into .venv, once")
        return _pip(wanted, console, total) or _pip(this, console, total)


def _pip(arguments: tuple[str, ...], console: Console, total: int) -> int:
    found, said = 0, []
    with subprocess.Popen(
        (*PIP, *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        for line in pip.stdout or ():
            said.append(line.rstrip())
            name = re.match(r"Collecting ([\w.-]+)", line)
            if name:
                found += 1
                console.progress(f"{found} of {total} packages: {name[1]}")
            elif line.startswith("Installing collected"):
                console.step(f"Unpacking {found} packages")
    if pip.returncode:
        console.line("\n".join(said[-LINES_SHOWN:]), sys.stderr)
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
