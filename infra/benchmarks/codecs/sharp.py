"""sharp (libvips under Node), which the engine is compared with, in a process of its own."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from PIL import Image

from infra.benchmarks.codecs.encoder import EncodedFile
from shared.errors import OperatorError

_SCRIPT = Path(__file__).with_name("sharp.js")


def missing(folder: Path) -> str | None:
    """The reason why sharp cannot run from the folder of its npm installation; None if it can."""
    if not shutil.which("node"):
        return "Node is not installed"
    if not (folder / "node_modules" / "sharp").is_dir():
        return f"sharp is not installed in {folder}"
    return None


class Sharp:
    """A running Node process that does one job at a time, on one thread, without a cache."""

    def __init__(self, process: "subprocess.Popen[str]", scratch: Path) -> None:
        self._in, self._out = _pipes(process)
        self._scratch = scratch
        self._loaded: Image.Image | None = None

    def ask(self, job: str, **rest: Any) -> dict[str, Any]:
        """The answer to one job; raises OperatorError if sharp reports an error or has ended."""
        self._in.write(json.dumps({"job": job, **rest}) + "\n")
        self._in.flush()
        line = self._out.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "it ended"}
        if "error" in answer:
            raise OperatorError(f"sharp could not do {job}: {answer['error']}")
        return answer

    def encode(self, image: Image.Image, format: str, options: Mapping[str, Any]) -> EncodedFile:
        """An RGB picture encoded by sharp, with the CPU seconds of only the encode."""
        if self._loaded is not image:
            path = self._scratch / "pixels"
            path.write_bytes(image.tobytes())
            self.ask("load", path=str(path), width=image.width, height=image.height)
            self._loaded = image
        out = self._scratch / "encoded"
        answer = self.ask("encode", format=format, options=dict(options), out=str(out))
        return EncodedFile(out.read_bytes(), answer["cpu"])

    def resize(self, file: Path, width: int) -> tuple[Image.Image, float]:
        """A file decoded and resized to that width in pixels, and the CPU seconds of both."""
        out = self._scratch / "resized"
        answer = self.ask("resize", path=str(file), width=width, out=str(out))
        size = answer["width"], answer["height"]
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[answer["channels"]]
        return Image.frombytes(mode, size, out.read_bytes()), answer["cpu"]


def _pipes(process: "subprocess.Popen[str]") -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process has no pipes")
    return process.stdin, process.stdout


@contextmanager
def running(folder: Path) -> Iterator[Sharp]:
    """sharp from `folder`/node_modules; its process and its files are gone after the context."""
    environment = os.environ | {"NODE_PATH": str((folder / "node_modules").resolve())}
    node = shutil.which("node") or "node"
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        tempfile.TemporaryDirectory() as scratch,
        subprocess.Popen([node, str(_SCRIPT)], env=environment, **pipes) as process,
    ):
        try:
            yield Sharp(process, Path(scratch))
        finally:
            process.kill()
