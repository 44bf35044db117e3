"""`python -m api`: checks the settings, then becomes gunicorn with the given options.

Before gunicorn and not in it: on a WEB_CONCURRENCY that is no number, and on an empty one, it ends
with a traceback before it reads any configuration.
"""

import os
import sys

from api import gunicorn_config
from shared.settings import load_or_exit


def main() -> None:
    """Never returns: one message and exit code 1 for faulty settings, else gunicorn."""
    settings = load_or_exit()
    os.environ["WEB_CONCURRENCY"] = str(settings.web_concurrency)
    gunicorn = ("-m", "gunicorn", "--config", "python:api.gunicorn_config")
    options = [*sys.argv[1:], *_second_address(settings.metrics_listen)]
    # A new program, because gevent has to patch modules that the settings have imported.
    os.execv(sys.executable, (sys.executable, *gunicorn, *options))  # noqa: S606 - no shell


def _second_address(listen: tuple[str, int] | None) -> list[str]:
    """The options for the address of the metrics; any --bind replaces that of gunicorn_config."""
    if listen is None:
        return []
    host, port = listen
    bound = any(option.startswith(("-b", "--b")) for option in sys.argv[1:])
    first = [] if bound else [f"--bind={gunicorn_config.bind}"]
    return [*first, f"--bind=[{host}]:{port}" if ":" in host else f"--bind={host}:{port}"]


if __name__ == "__main__":
    main()
