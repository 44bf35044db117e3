"""What a person sees on a terminal, and in a file."""

import logging
import os
import pty
from io import StringIO
from pathlib import Path

import pytest

from infra.commands.console import Console, logging_to


def test_on_a_terminal_a_line_that_stays_replaces_the_one_that_does_not() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        with Console(stream=stream) as console:
            console.step("starting")
            console.line("it serves")
        print("end", file=stream, flush=True)
        shown = b""
        while not shown.endswith(b"end\r\n"):
            shown += os.read(ours, 4096)
    os.close(ours)
    assert b"\r\x1b[Kstarting \xe2\x80\xa6" in shown
    assert b"\r\x1b[Kit serves\r\n" in shown
    assert shown.endswith(b"\r\x1b[Kend\r\n")  # nothing is left behind it


def test_a_file_gets_plain_lines() -> None:
    stream = StringIO()
    with Console(stream=stream) as console:
        console.step("starting")
        console.watch(lambda: "Up 0:01")
        console.line("it serves")
    assert stream.getvalue() == "starting\nit serves\n"


def test_what_the_supervisor_reports_of_a_child_is_followed_by_the_place_of_its_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Console() as console, logging_to(console, Path("/x/logs")):
        logging.getLogger("infra.supervision.supervisor").warning("worker ended")
    assert capsys.readouterr().err == "fluximage: worker ended (logs: /x/logs)\n"
