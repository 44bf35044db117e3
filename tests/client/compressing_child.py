"""A process that compresses a folder with a journal, and may be killed at any point.

Arguments: address, journal, folder, and after how many results it kills itself (0: never). The
key is in FLUXIMAGE_API_KEY. Prints a line for each result.
"""

import os
import signal
import sys
from pathlib import Path

from fluximage import Client, Done, Journal

if __name__ == "__main__":
    url, journal_path, folder, die_after = sys.argv[1:]
    with Client(url, retry_seconds=60) as client, Journal(Path(journal_path)) as journal:
        for count, result in enumerate(client.compress(folder, journal=journal), 1):
            if count == int(die_after):
                os.kill(os.getpid(), signal.SIGKILL)
            state = result.image.id if isinstance(result, Done) else result.code
            sys.stdout.write(f"{result.source.name} {state}\n")
            sys.stdout.flush()
