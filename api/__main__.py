"""`python -m api`: checks the settings, then becomes gunicorn with the given options.

Before gunicorn and not in it: on a WEB_CONCURRENCY that is no number, and on an empty one, it ends
with a traceback before it reads any configuration.
"""

import os
import sys

from shared.settings import load_or_exit


def main() -> None:
    """Never returns: one message and exit code 1 for faulty settings, else gunicorn."""
    processes = load_or_exit().web_concurrency
    os.environ["WEB_CONCURRENCY"] = str(processes)
    gunicorn = ("-m", "gunicorn", "--config", "python:api.gunicorn_config")
    # A new program, because gevent has to patch modules that the settings have imported.
    os.execv(sys.executable, (sys.executable, *gunicorn, *sys.argv[1:]))  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
