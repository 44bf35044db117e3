"""What a line of the log does not say."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from shared import logs

KEY = f"flx_live_{'0123456789' * 4}"


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged, with the handlers of before afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    logs.configure()
    root.handlers, mine = [*before, *root.handlers], root.handlers
    yield written
    root.handlers, _ = before, mine
    root.setLevel(level)


def test_a_line_is_one_json_object(output: io.StringIO) -> None:
    logging.getLogger("a").warning("two\nlines of %s", "text")
    [line] = output.getvalue().splitlines()
    assert json.loads(line)["message"] == "two\nlines of text"


@pytest.mark.parametrize("shown", [KEY, KEY.upper().replace("FLX_LIVE", "flx_live"), KEY[:-3]])
def test_a_key_in_a_message_is_removed(output: io.StringIO, shown: str) -> None:
    logging.getLogger("a").warning("Invalid HTTP Header: 'Authorization Bearer %s'", shown)
    assert "flx_live_[removed]'" in json.loads(output.getvalue())["message"]
    assert shown[9:] not in output.getvalue()


def test_the_signature_of_a_link_is_removed(output: io.StringIO) -> None:
    for name in ("signature", "X-Amz-Signature"):
        logging.getLogger("a").warning("GET /a?expires=1&%s=%s failed", name, "0a" * 32)
        assert f"&{name}=[removed] failed" in output.getvalue()
    assert "0a0a" not in output.getvalue()


def test_a_key_beside_the_message_is_removed(output: io.StringIO) -> None:
    logging.getLogger("a").warning("request", extra={"path": f"/api/{KEY}/x"})
    assert json.loads(output.getvalue())["path"] == "/api/flx_live_[removed]/x"


def test_a_key_in_an_exception_is_removed(output: io.StringIO) -> None:
    try:
        int(KEY)
    except ValueError:
        logging.getLogger("a").exception("failed")
    assert "'flx_live_[removed]'" in json.loads(output.getvalue())["exc_info"]


def test_what_a_step_is_about_is_on_each_of_its_lines_and_on_no_other(output: io.StringIO) -> None:
    with logs.about(batch="b"):
        logging.getLogger("a").warning("one")
        with logs.about(image="i"):
            logging.getLogger("a").warning("two", extra={"batch": "its own"})
    logging.getLogger("a").warning("three")
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    about = [{k: v for k, v in line.items() if k in ("batch", "image")} for line in lines]
    assert about == [{"batch": "b"}, {"batch": "its own", "image": "i"}, {}]


def test_a_key_in_what_a_line_is_about_is_removed(output: io.StringIO) -> None:
    with logs.about(request_id=KEY):
        logging.getLogger("a").warning("one")
    assert json.loads(output.getvalue())["request_id"] == "flx_live_[removed]"
