"""What `fluximage up` says when it serves: where, and how to sign in."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from infra.commands.console import Console
from infra.commands.demo_account import READY_FILE, Demo, write_ready
from infra.embedded.data_dir import DataDir

DEFAULT_DATA_DIR = Path(".fluximage")


@dataclass(frozen=True)
class Announcement:
    """Says it on `out`, and keeps the ready file right.

    taken: the usual port, where another program has it. signs_in: whether the service is for this
    machine alone, so that its link may sign in. Only a terminal is shown a key, and such a link;
    what is no terminal may be a log that others read.
    """

    data_dir: DataDir
    out: Console
    url: str
    signs_in: bool
    taken: int | None = None

    def serves(self, demo: Demo) -> None:
        """Say that the service is up."""
        other = f" (not on port {self.taken}, which another program has)" if self.taken else ""
        self._say(demo, f"fluximage serves at {self.url}{other}", demo.notice)

    def key_changed(self, demo: Demo) -> None:
        """Say that what was said before of the key is no longer right."""
        how = "Its new key" if demo.key else "The link and the key above work no more"
        self._say(demo, f"\nThe key of the account {demo.name} was rolled. {how}:")

    def _say(self, demo: Demo, *heads: str) -> None:
        write_ready(self.data_dir, self.url, demo)
        lines = self._with_key(demo.name, demo.key) if demo.key else self._without_key(demo.name)
        self.out.line("\n".join([*filter(None, heads), *(f"  {line}" for line in lines)]))

    def _with_key(self, name: str, key: str) -> list[str]:
        if not self.out.is_terminal:
            file = self.data_dir.path / READY_FILE
            return [
                f"Open it in a browser: {self.url}/",
                f"The API key of the account {name} is in {file}, which you alone can read.",
            ]
        header = shlex.quote(f"Authorization: Bearer {key}")
        signed_in = f"#key={key}" if self.signs_in else ""
        return [
            f"Open it in a browser: {self.url}/{signed_in}",
            f"API key of the account {name}: {key}",
            f"Try: curl -H {header} -F file=@photo.jpg {self.url}/api/compress",
        ]

    def _without_key(self, name: str) -> list[str]:
        return [
            f"Open it in a browser: {self.url}/",
            f"Sign in with the new key of the account {name}. If it is lost, make another:",
            f"  {self._roll(name)}",
        ]

    def _roll(self, name: str) -> str:
        command = ["fluximage", "keys", "roll", name]
        if self.data_dir.path != DEFAULT_DATA_DIR.absolute():
            command += ["--data-dir", str(self.data_dir.path)]
        return shlex.join(command)
