"""Which signals end a process of the pool: only those of the worker's main process.

A supervisor that ends a service often sends SIGTERM to every process of it (systemd, Heroku) or of
a process group (honcho, a terminal). The main process then waits for the images in work, so the
processes that work on them must live on. Python's own handlers cannot tell who sent a signal.
"""

import os
import signal
import threading


def obey_only_the_parent() -> None:
    """From now on SIGTERM ends this process only, and at once, when its parent sent it.

    Call it before other threads start: they inherit the blocked signal. Where the sender of a
    signal cannot be told (macOS), nothing changes.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the parent has another use for it
    if not hasattr(signal, "sigwaitinfo"):
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_wait, args=(os.getppid(),), daemon=True).start()


def _wait(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os.kill(os.getpid(), signal.SIGKILL)
