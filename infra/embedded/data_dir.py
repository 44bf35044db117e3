"""The data directory: its lock, its secrets, and the state of the last start."""

import fcntl
import json
import os
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from shared.errors import OperatorError
from shared.private_folder import RUN_FOLDER

CLEANUP_SECONDS = 15.0  # longer than the guardian of a killed start needs
POLL_SECONDS = 0.05
LOG_BYTES = 10_000_000
MARK = "fluximage-data"  # a file that only we create, in every data directory
MARK_TEXT = "A data directory of fluximage. `fluximage clear` deletes it.\n"
# What a start creates, in the order in which it is deleted.
FOLDERS = ("objects", "valkey", "postgres", RUN_FOLDER, "logs")
FILES = ("ready.json", "unready", "state.json", "secrets.json", "postgres-home", MARK, "lock")
SECRETS_OF_SERVERS = ("redis_password", "database_password", "s3_access_key", "s3_secret_key")
SECRET_NAMES = (*SECRETS_OF_SERVERS, "secret_keys")


def write_private(path: Path, content: str) -> None:
    """Write `content` to `path` atomically, readable only by its owner (mode 0600)."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    Path(name).replace(path)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise OperatorError(f"{path} cannot be read: {error}.") from error
    return dict(content)


def has_mark(path: Path) -> bool:
    """Whether `path` is a data directory, by its mark, or by the secrets of an older version."""
    try:
        if (path / MARK).exists():
            return (path / MARK).read_text(errors="replace") == MARK_TEXT
        return set(SECRETS_OF_SERVERS) <= _read_json(path / "secrets.json").keys()
    except (OSError, OperatorError):
        return False


def _holds_files(path: Path) -> bool:
    return any(one.name != "lost+found" for one in path.iterdir())  # as on a volume of its own


class DataDir:
    """The directory of one embedded stack; at most one process uses it at a time."""

    def __init__(self, path: Path) -> None:
        """Create `path` when it is missing.

        Raises OperatorError when that fails, or when it holds what is not ours: what is in a data
        directory may be deleted.
        """
        self.path = path.absolute()
        try:
            if self.path.exists() and not has_mark(self.path) and _holds_files(self.path):
                raise OperatorError(
                    f"{self.path} holds other files; give --data-dir a folder of its own."
                )
            if not self.path.exists():
                self.path.mkdir(parents=True)
                # Under root, Postgres runs as another user, who must pass through but not list the
                # directory; every secret in it has a mode of its own.
                self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            if not (self.path / MARK).exists():
                write_private(self.path / MARK, MARK_TEXT)
            self.folder("logs")
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> OperatorError:
        return OperatorError(f"The data directory {self.path} cannot be used: {error.strerror}.")

    def folder(self, name: str) -> Path:
        """The sub-directory `name`, created when missing, for its owner only."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def log(self, name: str) -> Path:
        """The log file of server `name`; the log of the previous start is kept as `.1`."""
        path = self.folder("logs") / f"{name}.log"
        if path.exists():
            path.replace(path.with_suffix(".log.1"))
        return path

    def bound_logs(self) -> bool:
        """Keep each log below LOG_BYTES and a copy of what it had before; always False.

        A log is emptied in place: its process appends to it, and goes on.
        """
        for path in self.folder("logs").glob("*.log"):
            with suppress(OSError):  # a full disk must not end the service
                if path.stat().st_size > LOG_BYTES:
                    shutil.copyfile(path, path.with_suffix(".log.1"))
                    os.truncate(path, 0)
        return False

    def try_lock(self) -> int | None:
        """A descriptor that holds the lock while it is open; None when another process holds it.

        Raises OperatorError when the directory belongs to another user, or supports no locks.
        """
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                return None
            raise self._unusable(error) from error
        if not os.fstat(descriptor).st_nlink:  # `fluximage clear` deleted it just now
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return descriptor

    def lock(self) -> int:
        """As `try_lock`, but waits for the cleanup after a killed start.

        Raises OperatorError with the process id of a start that still runs.
        """
        deadline = time.monotonic() + CLEANUP_SECONDS
        living_since: float | None = None
        while (descriptor := self.try_lock()) is None:
            now, holder = time.monotonic(), self._holder()
            living_since = (living_since or now) if holder else None
            # A killed holder looks alive until its guardian has emptied the file.
            if now > deadline or (living_since and now > living_since + 0.5):
                raise OperatorError(
                    f"fluximage already runs on {self.path} (process {holder or 'unknown'});"
                    " stop it first, or choose another --data-dir."
                )
            time.sleep(POLL_SECONDS)
        return descriptor

    def _holder(self) -> int | None:
        try:
            holder = int((self.path / "lock").read_text())
            os.kill(holder, 0)
        except PermissionError:
            return holder
        except (ValueError, OSError):
            return None
        return holder

    def secrets(self) -> dict[str, str]:
        """The passwords and keys of the servers, created at the first start and kept."""
        kept = {str(k): str(v) for k, v in _read_json(self.path / "secrets.json").items()}
        missing = {name: secrets.token_urlsafe(24) for name in SECRET_NAMES if name not in kept}
        if missing:
            kept |= missing
            write_private(self.path / "secrets.json", json.dumps(kept, indent=2))
        return kept

    def keep_secrets(self, **more: str) -> None:
        """Add `more` to the kept secrets."""
        kept = self.secrets() | more
        write_private(self.path / "secrets.json", json.dumps(kept, indent=2))

    def state(self) -> dict[str, Any]:
        """`ports`, `pids` and `environment` of the last start, which may have ended."""
        return _read_json(self.path / "state.json")

    def keep_state(self, state: dict[str, Any]) -> None:
        """Replace what `state` returns. It holds passwords."""
        write_private(self.path / "state.json", json.dumps(state, indent=2))
