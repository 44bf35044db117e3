"""Connections, heads, bodies and waiting places: few bytes that hold much."""

import time
from uuid import uuid4

from infra.attacks.clients import Connection, hold_connections, send_batches, send_bodies
from infra.attacks.files import tiny_webp
from infra.attacks.innocent import get
from infra.attacks.run import Run
from shared.plans import Plan

_CONNECTIONS = 4_200
_READS = 1_150
_LISTENERS = 600
_BODY_BYTES = 20 << 20
_SEND_SECONDS = 60.0
_BEGIN_SECONDS = 10.0  # until the connections are open
_MORE_SECONDS = 10.0  # so that the first of them have reached the service's own limits
_BAD_KEY = "flx_live_" + 40 * "0"

_USE_UP = """
INSERT INTO usage (account_id, period, images)
SELECT max(id), current_date, 20 FROM accounts RETURNING images
"""


def idle_connections(run: Run) -> None:
    """4,200 connections without a key that say nothing."""
    _hold(run, Connection(b""), _CONNECTIONS)


def slow_heads(run: Run) -> None:
    """4,200 requests without a key whose head gets another line every five seconds."""
    _hold(run, Connection(b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-More: x\r\n"), _CONNECTIONS)


def slow_bodies_without_credit(run: Run) -> None:
    """4,000 uploads of one free account without credit, a byte every five seconds each."""
    key = run.target.new_account(Plan.FREE)
    run.target.query(_USE_UP)
    _hold(run, Connection(_upload_head(key, 1_000_000) + b"--x\r\n", b"-"), 4_000)


def slow_bodies(run: Run) -> None:
    """4,000 uploads of one account with credit, a byte every five seconds each."""
    head = _upload_head(run.target.new_account(), 1_000_000)
    _hold(run, Connection(head + b"--x\r\n", b"-"), 4_000)


def refused_bodies(run: Run) -> None:
    """Bodies of 20 MB under a key that does not exist, one after another on four connections."""
    sending = run.start(
        send_bodies, _upload_head(_BAD_KEY, _BODY_BYTES), _BODY_BYTES, 4, run.form.seconds
    )
    run.feel()
    run.figures |= {f"answers_{status}": count for status, count in sending().items()}


def waiting_reads(run: Run) -> None:
    """1,150 reads of one account that wait 300 seconds for a session that is in work."""
    key, session = _busy_session(run)
    _hold(run, Connection(_get_head(key, f"/api/sessions/{session}?wait=300")), _READS)


def event_listeners(run: Run) -> None:
    """600 listeners of one account to the events of a session that is in work."""
    key, session = _busy_session(run)
    _hold(run, Connection(_get_head(key, f"/api/sessions/{session}/events")), _LISTENERS)


def _hold(run: Run, connection: Connection, count: int) -> None:
    """Holds so many connections while the innocent account is measured."""
    seconds = run.form.seconds + _MORE_SECONDS
    held = run.scaled(count)
    holding = run.start(hold_connections, connection, held, _BEGIN_SECONDS + seconds)
    time.sleep(_BEGIN_SECONDS)
    run.feel(seconds)
    _listen(run)
    run.figures |= {name: count for name, count in holding().items() if count}


def _listen(run: Run) -> None:
    """The innocent account listens to the events of a session of its own."""
    path = f"/api/sessions/{run.innocent.session}/events"
    status = get(run.target.url, path, {"Authorization": f"Bearer {run.innocent_key}"})
    run.require(status == 200, f"the innocent account's events were answered with {status}")


def _busy_session(run: Run) -> tuple[str, str]:
    """The key and the session of an account whose images are in work for a while."""
    key, session = run.target.new_account(), str(uuid4())
    copies = [tiny_webp()] * 20
    asked = {"format": "avif"}
    run.start(send_batches, key, copies, asked, 3, _SEND_SECONDS, session)()
    return key, session


def _get_head(key: str, path: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
    return head.encode()


def _upload_head(key: str, body_bytes: int) -> bytes:
    head = f"POST /api/compress HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\n"
    return f"{head}Content-Length: {body_bytes}\r\n\r\n".encode()
