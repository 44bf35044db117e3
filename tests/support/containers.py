"""Images and containers without a daemon: buildah builds, and the kernel's own tools run.

Needs root. Layers stay in buildah's storage, so that only the first build takes minutes.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import eventually

DEBIAN = "localhost/fluximage-debian"
# Of this machine, for pip: its settings, and the authorities that it trusts, perhaps a proxy's.
FOR_PIP = ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
END_SECONDS = 30


@dataclass(frozen=True)
class Built:
    """An image: its name, the folder where its files are mounted, and its configuration."""

    name: str
    root: Path
    config: dict[str, Any]


def needs_buildah() -> None:
    """Skips the test where nothing can be built."""
    if not shutil.which("buildah") or os.geteuid() != 0:
        pytest.skip("needs buildah, and root for what it mounts")


def buildah(*arguments: object) -> str:
    """What a command of buildah prints."""
    command = ("buildah", *map(str, arguments))
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr[-3000:]}"
    return done.stdout.strip()


def base(wanted: str, folder: Path) -> str:
    """The image `wanted`; where no registry is reached, a Debian with Python, made in `folder`."""
    for name in (wanted, DEBIAN):
        if buildah("images", "--quiet", "--filter", f"reference={name}"):
            return name
    pull = ("buildah", "pull", "--quiet", wanted)
    if subprocess.run(pull, capture_output=True, timeout=300, check=False).returncode == 0:
        return wanted
    if not shutil.which("debootstrap"):
        pytest.skip("no registry is reached, and debootstrap is not here to make a base")
    options = ("--variant=minbase", "--include=python3-venv,ca-certificates")
    command = ("debootstrap", *options, "trixie", str(folder))
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"neither a registry nor Debian is reached: {made.stdout[-200:]}")
    for unneeded in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(folder / unneeded)  # as in the slim images
    container = buildah("from", "scratch")
    buildah("add", container, folder, "/")
    buildah("config", "--env", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
    buildah("commit", "--quiet", "--rm", container, DEBIAN)
    return DEBIAN


def build(dockerfile: Path, context: Path, name: str, *options: str) -> None:
    """Builds an image with the name `name`, as a rootless engine in a sandbox would."""
    volumes = [f"--volume={path}:{path}:ro" for path in FOR_PIP if Path(path).exists()]
    buildah(
        *("build", "--isolation=chroot", "--format=docker", "--layers", "--timestamp=0"),
        *(*volumes, *options, "--tag", name, "--file", dockerfile, context),
    )


@contextmanager
def mounted(name: str) -> Iterator[Built]:
    """The image `name`, to look into and to run."""
    config = json.loads(buildah("inspect", "--type=image", name))["Docker"]["config"]
    container = buildah("from", "--pull-never", name)
    try:
        yield Built(name, Path(buildah("mount", container)), config)
    finally:
        buildah("rm", container)


@dataclass(frozen=True)
class Container:
    """A running one; its process 1 has the number `pid` on this machine."""

    image: Built
    outer: "subprocess.Popen[bytes]"
    pid: int
    variables: list[str]

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """A command within it, as an engine runs a health check."""
        uid, _, gid = self.image.config["User"].partition(":")
        enter = ("nsenter", f"--target={self.pid}", "--mount", "--pid", "--root", "--wd")
        become = (f"--setuid={uid}", f"--setgid={gid}", "env", "-i", *self.variables)
        return subprocess.run(
            (*enter, *become, *command), capture_output=True, text=True, timeout=60, check=False
        )

    def is_healthy(self) -> bool:
        """What the image's own health check says."""
        kind, *command = self.image.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        return self.run(*command).returncode == 0

    def stop(self) -> int:
        """Its exit code after SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)
        return self.outer.wait(END_SECONDS)


@contextmanager
def running(
    image: Built, command: list[str], environment: Mapping[str, str]
) -> Iterator[Container]:
    """Runs a command of the image as process 1, as the image's user, on a read-only file system.

    It shares the network of this machine. Only memory is writable, as in docker-compose.yml.
    """
    root = image.root
    prepare = f"""
        mount --bind {root} {root} &&
        mount -o remount,bind,ro {root} &&
        mount -t proc proc {root}/proc &&
        mount --rbind /dev {root}/dev &&
        mount -t tmpfs -o mode=1777 tmpfs {root}/tmp &&
        exec setpriv --no-new-privs chroot --userspec={image.config["User"]} {root} "$@"
    """
    of_image = dict(one.split("=", 1) for one in image.config["Env"])
    variables = [f"{name}={value}" for name, value in (of_image | dict(environment)).items()]
    unshare = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", prepare, "sh")
    with subprocess.Popen((*unshare, "env", "-i", *variables, *command)) as outer:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
        try:
            assert eventually(lambda: children.read_text().split())
            yield Container(image, outer, int(children.read_text()), variables)
        finally:
            # It outlives `unshare`: a change of user clears the signal of --kill-child.
            with suppress(FileNotFoundError):
                for pid in children.read_text().split():
                    os.kill(int(pid), signal.SIGKILL)
            outer.kill()
