"""A worker's memory and CPU, measured in processes that hold nothing else. Linux only."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.benchmarks.cost_cases import Case, as_file, watermark
from shared.errors import OperatorError
from workers.cost.estimate import estimate
from workers.imaging import Output, process
from workers.imaging.formats.probe import probe

# Forks a process that has imported what a worker has, and done nothing: as Celery makes its
# workers. One that imports it all by itself holds 20 MB more.
_SPAWNER = multiprocessing.get_context("forkserver")
_MODULES = ["workers.tasks", "workers.steps", "infra.benchmarks.measuring"]


def in_child(work: Callable[..., Any], *arguments: Any) -> Any:
    """What a module's function returns, called in a process of its own.

    Raises OperatorError where that process ends without an answer.
    """
    os.environ["RAYON_NUM_THREADS"] = "1"  # as workers.celery sets it
    _SPAWNER.set_forkserver_preload(_MODULES)
    reader, writer = _SPAWNER.Pipe(duplex=False)
    child = _SPAWNER.Process(target=_answer, args=(writer, work, arguments))
    child.start()
    writer.close()
    try:
        return reader.recv()
    except EOFError:
        raise OperatorError(f"A process ended without an answer: {arguments}") from None
    finally:
        child.join()


def _answer(writer: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    writer.send(work(*arguments))


def write_files(case: Case, folder: Path) -> None:
    """The case's upload, and a tiny one of the same type to warm a process up with."""
    (folder / "upload").write_bytes(case.upload())
    tiny = as_file(case.photograph, case.kind, 0.01, case.upload_quality, case.moves)
    (folder / "tiny").write_bytes(tiny)


def measure(case: Case, folder: Path) -> dict[str, Any]:
    """What the case takes in this process, and what was expected of it.

    memory: bytes above what the process has after a tiny picture; the codecs keep some for good.
    """
    _run(case, (folder / "tiny").read_bytes())
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    data = (folder / "upload").read_bytes()
    output = _run(case, data)
    peak = resident("VmHWM")
    facts = probe(data)
    cost = estimate(facts, len(data), case.options, case.effort)
    return {
        "frames": facts.frames,
        "pixels": [facts.width, facts.height],
        "bytes_in": len(data),
        "bytes_out": len(output.data),
        "pixels_out": [output.width, output.height],
        "encoding": output.encoding,
        "steps": {name: round(taken, 4) for name, taken in output.seconds.items()},
        "base": before,
        "memory": peak - before,
        "cpu": output.cpu_seconds,
        "memory_expected": cost.memory_bytes,
        "cpu_expected": cost.cpu_seconds,
    }


def _run(case: Case, data: bytes) -> Output:
    return process(data, probe(data), case.options, watermark(), case.effort)


def resident(field: str, pid: int | str = "self") -> int:
    """VmRSS (now) or VmHWM (the peak) of a process, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
