"""A file name is read in each of the ways in which clients write one, and costs no batch."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from api.part_names import header_text, sent_name
from shared.naming import clean_original
from tests.api.conftest import Still
from tests.api.raw import Answer, end, part, post
from tests.support.cases import every_case
from tests.support.client import Client
from tests.support.making import png

WESTERN = (
    "Café été façade naïve señor Übergröße œuvre cœur étés éléments l’étés élève résumé São–João"
    " 50€ 90° ©2020 “quoted” Forêt Schön ñandú Ångström blåbær coração crème smörgås fête à ça é"
)
JAPANESE = (
    "写真 日本語 テスト ソ 表 表示 画像1 新しい画像 ﾃｽﾄ 東京タワー 猫 犬と猫 IMG_写真 予定表 商品A"
    " 商品a ①番 はがき 家族写真（夏） 海 綺麗 鯉"
)


def _named(disposition: str | bytes) -> bytes:
    encoded = disposition.encode() if isinstance(disposition, str) else disposition
    return part(b'name="file"; ' + encoded, png()) + end()


def _queue(client: Client, body: bytes) -> Answer:
    return post(client.url, client.key, body, "Prefer: respond-async")


def _original_name(still: Still, disposition: str | bytes) -> str:
    answer = _queue(still, _named(disposition))
    assert answer.status == 202, answer.body
    still.work()
    [image] = still.call("GET", f"/api/sessions/{answer.json()['session_id']}").json()["data"]
    return str(image["original_name"])


@every_case("charset, stems", [("cp1252", WESTERN), ("cp932", JAPANESE)])
def test_a_name_in_the_charset_of_a_system_is_read(charset: str, stems: str) -> None:
    for stem in stems.split():
        header = f'Content-Disposition: form-data; name="file"; filename="{stem}.jpg"'
        assert header_text(header.encode(charset), "") == header


@every_case("charset, codec", [("Shift_JIS", "cp932"), ("windows-1251", "cp1251"), ("GBK", "gbk")])
def test_a_name_in_a_charset_that_the_request_names_is_read(charset: str, codec: str) -> None:
    name = {"cp1251": "фото.jpg", "gbk": "照片.jpg"}.get(codec, "ÄÖÜ.jpg".replace("ÄÖÜ", "鯉"))
    assert header_text(name.encode(codec), charset) == name


@every_case("charset", ["idna", "punycode", "zip", "../x", "utf-7", ""])
def test_a_charset_that_is_not_known_is_not_looked_up(charset: str) -> None:
    assert header_text(b"caf\xe9", charset) == "café"


@given(st.binary(max_size=200), st.sampled_from(["", "shift_jis", "euc-kr", "nonsense"]))
def test_any_bytes_become_a_text_that_utf8_holds(data: bytes, charset: str) -> None:
    assert header_text(data, charset).encode() or not data


@every_case(
    "disposition, name",
    [
        (r'filename="C:\Users\me\pic.jpg"', "pic.jpg"),
        (r'filename="C:\\Users\\me\\pic.jpg"', "pic.jpg"),
        (r"filename=C:\Users\me\pic.jpg", "pic.jpg"),
        (r'filename="\\server\share\pic.jpg"', "pic.jpg"),
        ("filename=my photo.jpg", "my photo.jpg"),
        ("filename=pic.jpg; size=3", "pic.jpg"),
        ("filename=\"plain.jpg\"; filename*=UTF-8''caf%C3%A9.jpg", "café.jpg"),
        ("filename*=utf-8'fr'caf%C3%A9.jpg; filename=plain.jpg", "café.jpg"),
        ("filename*=Shift_JIS''%8E%CA%90%5E.jpg", "写真.jpg"),
        ("filename=\"plain.jpg\"; filename*=nonsense''caf%C3%A9.jpg", "plain.jpg"),
        ("filename=\"plain.jpg\"; filename*=UTF-8''caf%E9.jpg", "plain.jpg"),
        ("filename=\"a; filename*=UTF-8''b.jpg\"", "a; filename*=UTF-8''b.jpg"),
        ('filename="=?UTF-8?B?5YaZ55yfLmpwZw==?="', "写真.jpg"),
        ('filename="=?utf-8?Q?caf=C3=A9_1.jpg?="', "café 1.jpg"),
        ('filename="=?ISO-2022-JP?B?GyRCPEw/PxsoQg==?=.jpg"', "写真.jpg"),
        ('filename="=?UTF-8?B?5YaZ?= =?UTF-8?B?55yfLmpwZw==?="', "写真.jpg"),
        ('filename="=?UTF-8?B?Li4vLi4vZXRjL3Bhc3N3ZA==?="', "passwd"),
        ('filename="=?nonsense?B?5YaZ55yf?=.jpg"', "=?nonsense?B?5YaZ55yf?=.jpg"),
        ('filename="=?UTF-8?B?5?=.jpg"', "=?UTF-8?B?5?=.jpg"),
        ('filename="really =? a name ?=.jpg"', "really =? a name ?=.jpg"),
    ],
)
def test_a_name_is_read_however_it_is_written(disposition: str, name: str) -> None:
    assert clean_original(sent_name(f'form-data; name="a; filename=b"; {disposition}')) == name


def test_many_encoded_words_take_no_time() -> None:
    name = "=?utf-8?q?a?= " * 150 + "=?utf-8?q?" * 6000
    assert sent_name(f'form-data; filename="{name}"') == name


def test_bytes_that_are_not_utf8_cost_no_batch(still: Still) -> None:
    assert _original_name(still, 'filename="Straße.png"'.encode("cp1252")) == "Straße.png"
    assert _original_name(still, 'filename="表示.png"'.encode("cp932")) == "表示.png"


def test_an_encoded_word_is_decoded_in_the_answer(still: Still) -> None:
    word = base64.b64encode("写真.png".encode()).decode()
    assert _original_name(still, f'filename="=?UTF-8?B?{word}?="') == "写真.png"


@every_case(
    "disposition, content",
    [
        *(("", content) for content in (png(), b"", b"\xff\xfe", bytes(100_000))),
        ("; filename=", png()),
        ('; filename="unclosed', png()),
    ],
)
def test_a_file_without_a_file_name_gets_its_sentence(
    still: Still, disposition: str, content: bytes
) -> None:
    answer = _queue(still, part(f'name="file"{disposition}', content) + end())
    assert (answer.status, answer.error) == (400, "file must be sent as a file, with a file name")


def test_a_watermark_without_a_file_name_is_ignored_with_the_others_on_the_free_plan(
    free: Client,
) -> None:
    body = part('name="watermarkFile"', png()) + part('name="file"; filename="a.png"', png())
    answer = _queue(free, body + end())
    assert [warning["code"] for warning in answer.json()["warnings"]] == ["watermark_not_available"]
