"""A JPEG's coefficients in the scans that take least, by mozjpeg in a process of its own."""

import subprocess
import sys

# mozjpeg ends the process that it runs in where a coefficient is out of range, and damaged files
# that decode have such. The coefficients of an upload are never given to it in the worker's own.
_PROGRAM = """
import sys
import mozjpeg_lossless_optimization as mozjpeg
data = sys.stdin.buffer.read()
sys.stdout.buffer.write(mozjpeg.optimize(data, mozjpeg.COPY_MARKERS.NONE))
"""

_SECONDS = 40  # it takes 30 to 70 ms a megapixel; 100 of them take 7 s


def with_better_scans(jpeg: bytes) -> bytes | None:
    """The same coefficients, progressive and with Huffman tables made for them.

    Saves 3 to 12 % of a file, and costs 50 ms beside what it works. None where mozjpeg cannot do
    it. Whether no pixel changed is for the caller to see.
    """
    command = (sys.executable, "-I", "-c", _PROGRAM)
    try:
        done = subprocess.run(command, input=jpeg, capture_output=True, timeout=_SECONDS)
    except (subprocess.TimeoutExpired, OSError):
        return None
    return done.stdout if done.returncode == 0 and done.stdout else None
