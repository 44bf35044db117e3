"""Names made to do harm come out harmless: in the body, in the store, in a download."""

import re

import pytest

from tests.api.conftest import Still
from tests.api.raw import Answer, end, file_part, part, post
from tests.support.cases import every_case
from tests.support.client import Client, get
from tests.support.making import png

ASYNC = ("Prefer: respond-async",)

# What is sent between the quotes of a part's header, what we say it was, what we make of it.
# Names that come out the same stand at an even and at an odd place.
NAMES = [
    ("../../etc/passwd", "passwd", "passwd.webp"),
    ("/etc/passwd", "passwd", "passwd.webp"),
    (r"C:\\Windows\\win.ini", "win.ini", "win.webp"),
    (r"..\\..\\boot.ini", "boot.ini", "boot.webp"),
    (r"a\"b.png", 'a"b.png', "a_b.webp"),
    ("a%22b.png", 'a"b.png', "a_b.webp"),  # how browsers send a quote
    ("a'b;c.png", "a'b;c.png", "a'b_c.webp"),
    ("<script>alert(1)<.png", "<script>alert(1)<.png", "_script_alert(1)_.webp"),
    ("a\tb\x07c\x1b[31m.png", "abc[31m.png", "abc[31m.webp"),
    ("a\0b.png", "ab.png", "ab.webp"),
    ("a\u200b\u2066\ufeffb.png", "ab.png", "ab.webp"),
    ("gnp.\u202eexe.png", "gnp.exe.png", "gnp.exe.webp"),
    ("中文 – ü.png", "中文 – ü.png", "中文 – ü.webp"),
    ("family 👨‍👩‍👧.png", "family 👨‍👩‍👧.png", "family 👨‍👩‍👧.webp"),
    ("j\u200d\u200co \u200c.png", "jo .png", "jo.webp"),  # joiners with nothing to join
    ("．．／．．／．bashrc.png", "．．／．．／．bashrc.png", "．．／．．／．bashrc.webp"),
    ("Ｃ：＼x.png", "Ｃ：＼x.png", "Ｃ：＼x.webp"),
    ("ｃｏｎ.png", "ｃｏｎ.png", "ｃｏｎ.webp"),
    ("con.png", "con.png", "_con.webp"),
    (".htaccess", ".htaccess", "htaccess.webp"),
    ("..", "..", "image.webp"),
    ("   ", "unnamed", "unnamed.webp"),
    ("", "unnamed", "unnamed.webp"),
    ("x" * 5000 + ".png", "x" * 255, "x" * 200 + ".webp"),
    ("中" * 5000, "中" * 255, "中" * 66 + ".webp"),
    ("{{7*7}}${7*7}.png", "{{7*7}}${7*7}.png", "{{7_7}}${7_7}.webp"),
]


def _compress(client: Client, name: str | bytes, content: bytes | None = None) -> Answer:
    body = file_part(name, png() if content is None else content) + end()
    return post(client.url, client.key, body)


@pytest.mark.parametrize("names", [NAMES[::2], NAMES[1::2]], ids=["even", "odd"])
def test_a_hostile_name_comes_out_safe(
    client: Client, names: list[tuple[str, str, str]], subtests: pytest.Subtests
) -> None:
    # Two batches, because in one batch the second of two equal names gets a number.
    body = b"".join(file_part(sent, png()) for sent, _, _ in names) + end()
    answer = post(client.url, client.key, body)
    assert answer.status == 200
    for (sent, original, made), image in zip(names, answer.json()["data"], strict=True):
        with subtests.test(sent[:100]):
            assert (image["original_name"], image["file_name"]) == (original, made)
            _is_safe(image)


def _is_safe(image: dict[str, str]) -> None:
    assert not re.search(r'[\x00-\x1f\x7f<>:"/\\|?*]', image["file_name"])
    joiners = "\u200c\u200d"
    assert image["file_name"].translate(dict.fromkeys(map(ord, joiners))).isprintable()
    assert len(image["file_name"].encode()) <= 255
    download = get(image["url"])
    assert download.status_code == 200
    plain = r"[^\x00-\x1f\x7f-\uffff<>:\"/\\|?*%;]+"
    assert re.fullmatch(
        rf"""attachment; filename="{plain}"; filename\*=UTF-8''[\w.~%-]+""",
        download.headers["Content-Disposition"],
    )


@every_case(
    "sent",
    [
        b"a\r\nX-Injected: yes.png",
        b"a\nSet-Cookie: b=c\r\n.png",
        b"a\r\n\r\nb.png",
        b"a\\\r\n b.png",
        b'a"; name="quality',
        b"\xff\xfe.png",
        b"\xed\xa0\x80.png",
    ],
)
def test_a_name_that_breaks_its_header_breaks_nothing_else(client: Client, sent: bytes) -> None:
    answer = _compress(client, sent)
    assert answer.status in (200, 400)
    assert "X-Injected" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert answer.json()


def test_a_hostile_name_is_repeated_clean_in_a_refusal(client: Client) -> None:
    answer = _compress(client, "../a\u202e\x1b\tb.jpg", bytes(20 * 1024 * 1024 + 1))
    assert answer.error == "File ab.jpg exceeds the 20MB limit"


def test_a_hostile_name_is_repeated_clean_with_its_error(client: Client) -> None:
    [error] = _compress(client, "../../a\u202eb.txt", b"text").json()["errors"]
    assert error["message"] == "ab.txt is not an image this service reads"


def test_a_hostile_field_name_is_repeated_clean_in_its_warning(client: Client) -> None:
    field = "evil\u202e\x1b[31m" + "x" * 500
    body = client.compress([("a.png", png())], {field: "1"}).json()
    [warning] = body["warnings"]
    assert warning["message"] == (
        f"The field '{('evil[31m' + 'x' * 500)[:60]}…' is not known and was ignored"
    )


def test_the_warnings_that_a_client_can_store_are_bounded(still: Still) -> None:
    unknown = b"".join(part(f'name="x{n}{"y" * 3000}"') for n in range(199))
    answer = post(still.url, still.key, unknown + file_part("a.png", png()) + end(), *ASYNC)
    warnings = answer.json()["warnings"]
    assert len(warnings) == 21
    assert warnings[-1]["message"] == "179 more fields are not known and were ignored"
    assert len(str(warnings)) < 5000


def test_a_hostile_value_is_repeated_clean_in_its_refusal(client: Client) -> None:
    error = client.compress([("a.png", png())], {"format": "\x1b[2J\u202e\r\n<b>"}).json()["error"]
    assert error == "format must be one of webp, avif, jpg, png, not '[2J<b>'"


def test_two_names_that_clean_to_one_get_two_names(client: Client) -> None:
    names = ["a/x.png", "A\u200b/X.png", "x\u200b.png", "X.PNG"]
    body = b"".join(file_part(name, png()) for name in names) + end()
    data = post(client.url, client.key, body).json()["data"]
    assert len({f"{image['path']}/{image['file_name']}".casefold() for image in data}) == 4
