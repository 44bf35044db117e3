"""X-Forwarded-For is believed as far as trusted proxies wrote it, and no further.

The address is what the log line of a request says. The API under test trusts 127.0.0.1,
10.0.0.0/8 and 2001:db8::/32.
"""

import json
import sys
import time
from uuid import uuid4

import httpx
import pytest

from tests.api.conftest import ApiProcess
from tests.support.cases import every_case
from tests.support.client import NO_AUTHORITIES, get


def _logged(process: ApiProcess, path: str) -> str:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for line in process.log.read_text().splitlines():
            if path in line:
                return str(json.loads(line)["client"])
        time.sleep(0.02)
    raise AssertionError(f"no line of {path}")


def _seen(process: ApiProcess, forwarded: list[str], source: str = "127.0.0.1") -> str:
    path = f"/{uuid4()}"
    headers = [("X-Forwarded-For", value) for value in forwarded]
    transport = httpx.HTTPTransport(local_address=source, verify=NO_AUTHORITIES)
    with httpx.Client(transport=transport) as client:
        client.get(process.url + path, headers=headers)
    return _logged(process, path)


@every_case(
    "forwarded, seen",
    [
        ([], "127.0.0.1"),
        (["203.0.113.7"], "203.0.113.7"),
        # What a client wrote itself stands before what the proxies appended.
        (["1.2.3.4, 203.0.113.7"], "203.0.113.7"),
        (["1.2.3.4", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        (["1.2.3.4, 203.0.113.7, 10.1.2.3, 10.9.9.9"], "203.0.113.7"),
        (["2a00::1, 2001:db8::5"], "2a00::1"),
        (["203.0.113.7, ::ffff:10.1.2.3"], "203.0.113.7"),
        # The nearest that is known, where the next is no address.
        (["nonsense"], "127.0.0.1"),
        (["203.0.113.7, nonsense, 10.1.2.3"], "10.1.2.3"),
        (["203.0.113.7,"], "127.0.0.1"),
        (["10.1.2.3"], "10.1.2.3"),
        (["1.2.3.4\\u0000"], "127.0.0.1"),
    ],
)
def test_the_address_is_the_nearest_that_is_no_trusted_proxy(
    still_process: ApiProcess, forwarded: list[str], seen: str
) -> None:
    assert _seen(still_process, forwarded) == seen


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 at hand")
def test_a_client_that_is_no_trusted_proxy_is_believed_nothing(
    still_process: ApiProcess,
) -> None:
    assert _seen(still_process, ["203.0.113.7"], source="127.0.0.2") == "127.0.0.2"


@every_case("header", ["X-Real-IP", "Forwarded", "True-Client-IP"])
def test_no_other_header_names_a_client(still_process: ApiProcess, header: str) -> None:
    path = f"/{uuid4()}"
    get(still_process.url + path, headers={header: "203.0.113.7"})
    assert _logged(still_process, path) == "127.0.0.1"


def test_a_request_is_one_json_line_without_its_key(still_process: ApiProcess) -> None:
    path = f"/{uuid4()}"
    key = f"flx_live_{'7' * 40}"
    get(still_process.url + path, headers={"Authorization": f"Bearer {key}"})
    assert _logged(still_process, path)
    assert key not in still_process.log.read_text()
