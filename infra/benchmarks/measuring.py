"""Measures a worker's memory and CPU in processes that do nothing else. Linux only."""

import multiprocessing
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from infra.benchmarks.cost_cases import watermark
from shared.errors import OperatorError
from shared.models import Effort, Options
from workers.cost.estimate import estimate
from workers.imaging import ImageJob, Output, process
from workers.imaging.formats.probe import probe

# Forks from a process that has imported what a worker imports, as Celery does. A process that does
# the imports itself holds 20 MB more.
_SPAWNER = multiprocessing.get_context("forkserver")
_MODULES = ["workers.tasks", "workers.steps", "infra.benchmarks.measuring"]


def in_child(work: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a module's function in a process of its own and returns its result.

    Raises OperatorError if that process ends without a result.
    """
    os.environ["RAYON_NUM_THREADS"] = "1"  # as workers.celery sets it
    _SPAWNER.set_forkserver_preload(_MODULES)
    reader, writer = _SPAWNER.Pipe(duplex=False)
    child = _SPAWNER.Process(target=_send_result, args=(writer, work, arguments))
    child.start()
    writer.close()
    try:
        return reader.recv()
    except EOFError:
        raise OperatorError(f"A process ended without a result: {arguments}") from None
    finally:
        child.join()


def _send_result(writer: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    writer.send(work(*arguments))


class Upload(Protocol):
    """What is measured. tiny: a small file of the same type, to warm up a process."""

    @property
    def options(self) -> Options: ...
    @property
    def effort(self) -> Effort: ...
    def upload(self) -> bytes: ...
    def tiny(self) -> bytes: ...


def write_files(case: Upload, folder: Path) -> None:
    """Writes the case's upload and its tiny one."""
    (folder / "upload").write_bytes(case.upload())
    (folder / "tiny").write_bytes(case.tiny())


def measure(case: Upload, folder: Path) -> dict[str, Any]:
    """What the case costs in this process, and what was estimated.

    memory: bytes above what the process holds after a tiny image, as the codecs keep some of it;
    with those of a child process.
    """
    _run(case, (folder / "tiny").read_bytes())
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    data = (folder / "upload").read_bytes()
    output = _run(case, data)
    in_child_process = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    peak = max(resident("VmHWM"), resident("VmRSS") + in_child_process)
    facts = probe(data)
    cost = estimate(facts, len(data), case.options, case.effort)
    return {
        "format": case.options.format,
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
        "memory_bound": cost.memory_bytes,
        "cpu_expected": cost.cpu_seconds,
        "cpu_bound": cost.max_cpu_seconds,
    }


def _run(case: Upload, data: bytes) -> Output:
    return process(ImageJob(data, probe(data), case.options, watermark(), case.effort))


def resident(field: str, pid: int | str = "self") -> int:
    """VmRSS (the present value) or VmHWM (the peak) of a process, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
