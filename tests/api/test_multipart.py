"""Bodies that break the rules: each gets one clear answer, and nothing is stored."""

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from api.http_errors import SENTENCES
from tests.api.conftest import Still
from tests.api.raw import (
    BOUNDARY,
    CONTENT_TYPE,
    Answer,
    end,
    exchange,
    file_part,
    head,
    part,
    post,
)
from tests.support.cases import every_case
from tests.support.client import Client
from tests.support.making import png

BROKEN = "The request body is not valid multipart/form-data, or ends before its last boundary"
BODY = file_part("a.png", png()) + end()
MEGABYTE = bytes(1024 * 1024)


def _chunked(data: bytes, size: int) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _head(key: str, *headers: str) -> bytes:
    return head(key, f"Content-Type: {CONTENT_TYPE}", *headers)


def _nothing_was_taken(still: Still) -> bool:
    with still.unit.database.transaction() as connection:
        rows = connection.execute("SELECT 1 FROM batches").fetchall()
    return not rows and still.call("GET", "/api/usage").json()["compressor_used"] == 0


def _refused(still: Still, answer: Answer) -> str:
    assert answer.status == 400
    assert list(answer.json()) == ["error", "code"]
    assert _nothing_was_taken(still)
    return answer.error


def test_a_whole_body_is_taken(client: Client) -> None:
    assert post(client.url, client.key, BODY).status == 200


def test_a_chunked_body_is_taken(client: Client) -> None:
    sent = [_head(client.key, "Transfer-Encoding: chunked"), _chunked(BODY, 7)]
    assert exchange(client.url, sent).status == 200


def test_a_body_byte_by_byte_is_taken(client: Client) -> None:
    sent = [_head(client.key, f"Content-Length: {len(BODY)}")]
    sent += [BODY[n : n + 1] for n in range(len(BODY))]
    assert exchange(client.url, sent).status == 200


def test_text_before_the_first_part_and_after_the_last_is_skipped(client: Client) -> None:
    body = b"This is a message in MIME format.\r\n" + BODY + b"goodbye"
    assert post(client.url, client.key, body).status == 200


def test_a_boundary_inside_a_file_does_not_end_it(still: Still) -> None:
    inside = b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n\r\n-" + BOUNDARY.encode()
    body = file_part("a.bin", inside) + end()
    assert post(still.url, still.key, body, "Prefer: respond-async").status == 202
    with still.unit.database.transaction() as connection:
        [row] = connection.execute("SELECT original_size FROM images").fetchall()
    assert row["original_size"] == len(inside)


@every_case("kept", [0, 10, len(BODY) // 2, len(BODY) - len(end()), -8])
def test_a_body_that_ends_half_way_is_refused(still: Still, kept: int) -> None:
    assert _refused(still, post(still.url, still.key, BODY[:kept])) == BROKEN


def test_a_connection_that_ends_half_way_is_refused(still: Still) -> None:
    sent = [_head(still.key, f"Content-Length: {len(BODY)}"), BODY[:80]]
    assert _refused(still, exchange(still.url, sent, half_close=True)) == BROKEN


def test_a_chunked_body_that_ends_half_way_is_refused(still: Still) -> None:
    sent = [_head(still.key, "Transfer-Encoding: chunked"), _chunked(BODY, 50)[:90]]
    assert _refused(still, exchange(still.url, sent, half_close=True)) == BROKEN


def test_a_chunk_whose_length_is_no_number_is_refused(still: Still) -> None:
    sent = [_head(still.key, "Transfer-Encoding: chunked"), b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"]
    assert _refused(still, exchange(still.url, sent, half_close=True)) == BROKEN


def test_a_length_that_is_too_short_cuts_the_body(still: Still) -> None:
    sent = [_head(still.key, f"Content-Length: {len(BODY) - 20}"), BODY]
    assert _refused(still, exchange(still.url, sent)) == BROKEN


@every_case("length", ["-1", "ten", "1_0", "+5", "0x10", "5, 6"])
def test_a_length_that_is_no_number_is_refused_as_json(still: Still, length: str) -> None:
    _refused(still, exchange(still.url, [_head(still.key, f"Content-Length: {length}"), BODY]))


def test_both_a_length_and_chunks_are_refused(still: Still) -> None:
    # The classic of request smuggling.
    headers = (f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked")
    _refused(still, exchange(still.url, [_head(still.key, *headers), _chunked(BODY, 50)]))


@every_case("boundary", ["", "; boundary=", '; boundary=""', "; border=x"])
def test_a_body_without_a_boundary_is_refused(still: Still, boundary: str) -> None:
    headers = (f"Content-Type: multipart/form-data{boundary}", f"Content-Length: {len(BODY)}")
    answer = exchange(still.url, [head(still.key, *headers), BODY])
    came = f"multipart/form-data{boundary}"
    assert _refused(still, answer) == (
        f"Content-Type must be multipart/form-data with a boundary, not '{came}'"
    )


def test_another_boundary_than_was_announced_is_refused(still: Still) -> None:
    headers = ("Content-Type: multipart/form-data; boundary=x", f"Content-Length: {len(BODY)}")
    assert _refused(still, exchange(still.url, [head(still.key, *headers), BODY])) == BROKEN


@every_case(
    "headers",
    [
        b"Content-Type: text/plain",
        b"no header at all",
        b"\0: \0",
    ],
)
def test_a_part_without_a_readable_disposition_is_refused(still: Still, headers: bytes) -> None:
    strange = b"--" + BOUNDARY.encode() + b"\r\n" + headers + b"\r\n\r\nx\r\n"
    assert _refused(still, post(still.url, still.key, strange + BODY)) == BROKEN


def test_a_part_without_a_name_is_an_unknown_field(still: Still) -> None:
    bare = b"--" + BOUNDARY.encode() + b"\r\nContent-Disposition\r\n\r\nx\r\n"
    body = part('filename="x"', b"x") + part("", b"y") + bare + BODY
    answer = post(still.url, still.key, body, "Prefer: respond-async")
    assert answer.status == 202
    [warning] = answer.json()["warnings"]
    assert warning["message"] == "The field '' is not known and was ignored"


def test_the_twenty_first_file_is_refused_before_the_rest_arrives(still: Still) -> None:
    # The rest is announced and never sent; what is, is enough for several reads.
    body = file_part("a.png", png()) * 21 + file_part("b.png", MEGABYTE)
    sent = [_head(still.key, f"Content-Length: {300 * len(MEGABYTE)}"), body]
    assert _refused(still, exchange(still.url, sent, seconds=10)) == (
        "Maximum 20 images allowed per batch"
    )


def test_a_body_past_every_legal_size_is_413_by_its_length_alone(still: Still) -> None:
    answer = exchange(still.url, [_head(still.key, "Content-Length: 9999999999")], seconds=10)
    assert answer.status == 413
    assert answer.error == SENTENCES[413]
    assert _nothing_was_taken(still)


def test_a_body_that_says_it_is_compressed_is_415(still: Still) -> None:
    answer = post(still.url, still.key, BODY, "Content-Encoding: gzip")
    assert answer.status == 415
    assert answer.error == SENTENCES[415]
    assert _nothing_was_taken(still)


def test_an_upload_that_stalls_is_408(still: Still) -> None:
    started = time.monotonic()
    answer = exchange(still.url, [_head(still.key, "Content-Length: 5000"), BODY[:50]])
    assert answer.status == 408
    assert (
        answer.error
        == "The request body stopped arriving before it was complete; send the request again"
    )
    assert 0.9 < time.monotonic() - started < 10
    assert _nothing_was_taken(still)


def test_a_slow_upload_that_never_stalls_is_taken(still: Still) -> None:
    def slowly() -> Iterator[bytes]:
        yield _head(still.key, f"Content-Length: {len(BODY)}", "Prefer: respond-async")
        for at in range(0, len(BODY), 40):
            time.sleep(0.3)
            yield BODY[at : at + 40]

    started = time.monotonic()
    assert exchange(still.url, slowly()).status == 202
    assert time.monotonic() - started > 1.1  # longer in all than the second a pause may last


def test_a_request_after_a_refused_one_on_the_same_connection_is_read_right(
    still: Still,
) -> None:
    # What the refused body still held must not be taken for a request.
    hidden = head(still.key, method="DELETE", path="/api/sessions/any")
    bad = part('name="quality"', b"1") + file_part("a.png", png()) + hidden + end()
    sent = _head(still.key, f"Content-Length: {len(bad)}") + bad
    usage = head(still.key, "Connection: close", method="GET", path="/api/usage")
    address = urlsplit(still.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(sent + usage)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"plan":"agency"' in answer
