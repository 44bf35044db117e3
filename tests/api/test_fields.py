"""The fields of POST /api/compress: what each takes, and the sentence when it does not."""

import io
from collections.abc import Mapping
from typing import Any

import httpx
from PIL import Image

from tests.api.conftest import Still
from tests.api.raw import end, file_part, part, post
from tests.support.cases import every_case
from tests.support.client import Client
from tests.support.making import png

LANGUAGES = (
    "English, Español, Català, Français, Deutsch, Italiano, Português, Nederlands, Polski,"
    " Русский, 中文, 日本語, 한국어, Arabic, Hindi"
)
ASYNC = {"Prefer": "respond-async"}

# The name, a value that is not allowed, and what the sentence says is.
BAD = [
    ("format", "gif", "one of webp, avif, jpg, png"),
    ("format", "jpe", "one of webp, avif, jpg, png"),
    ("format", "", "one of webp, avif, jpg, png"),
    ("quality", "39", "a whole number from 40 to 100"),
    ("quality", "101", "a whole number from 40 to 100"),
    ("quality", "80.5", "a whole number from 40 to 100"),
    ("quality", "-80", "a whole number from 40 to 100"),
    ("quality", "８０", "a whole number from 40 to 100"),
    ("quality", " 80", "a whole number from 40 to 100"),
    ("quality", "high", "a whole number from 40 to 100"),
    ("maxWidth", "0", "a whole number from 1 to 65535"),
    ("maxWidth", "65536", "a whole number from 1 to 65535"),
    ("maxWidth", "9" * 50, "a whole number from 1 to 65535"),
    ("maxHeight", "0", "a whole number from 1 to 65535"),
    ("maxHeight", "12px", "a whole number from 1 to 65535"),
    ("watermarkScale", "4", "a whole number from 5 to 50"),
    ("watermarkScale", "51", "a whole number from 5 to 50"),
    ("watermarkOpacity", "-1", "a whole number from 0 to 100"),
    ("watermarkOpacity", "101", "a whole number from 0 to 100"),
    ("watermarkPosition", "XX", "one of TL, TC, TR, ML, MC, MR, BL, BC, BR"),
    ("watermarkPosition", "br", "one of TL, TC, TR, ML, MC, MR, BL, BC, BR"),
    ("autoAltText", "yes", "true or false"),
    ("autoAltText", "", "true or false"),
    ("autoRenameSEO", "1", "true or false"),
    ("autoRenameSEO", "True", "true or false"),
    ("language", "Klingon", f"one of {LANGUAGES}"),
    ("language", "english", f"one of {LANGUAGES}"),
    *(
        ("sessionId", bad, "1 to 128 of the characters A-Z a-z 0-9 . _ : - (but not . or ..)")
        for bad in ("", ".", "..", "a b", "a/b", "ü", "a\n", "x" * 129)
    ),
]

GOOD = [
    *(("format", value) for value in ("webp", "avif", "jpg", "png")),
    *(("quality", value) for value in ("40", "100")),
    *((name, value) for name in ("maxWidth", "maxHeight") for value in ("1", "65535")),
    *(("watermarkScale", value) for value in ("5", "50")),
    *(("watermarkOpacity", value) for value in ("0", "100")),
    *(
        ("watermarkPosition", value)
        for value in ["TL", "TC", "TR", "ML", "MC", "MR", "BL", "BC", "BR"]
    ),
    *((name, "false") for name in ("autoAltText", "autoRenameSEO")),
    *(("language", value) for value in LANGUAGES.split(", ")),
    *((name, "ü" * 300) for name in ("context", "keywords")),
]

SPELLINGS = {
    "max_width": "maxWidth",
    "max_height": "maxHeight",
    "session_id": "sessionId",
    "watermark_scale": "watermarkScale",
    "watermark_opacity": "watermarkOpacity",
    "watermark_position": "watermarkPosition",
    "auto_alt_text": "autoAltText",
    "auto_rename_seo": "autoRenameSEO",
    "aiLanguage": "language",
    "ai_language": "language",
}


def _refused(response: httpx.Response) -> str:
    assert response.status_code == 400
    body = response.json()
    assert (list(body), body["code"]) == (["error", "code"], "invalid_field")
    return str(body["error"])


def _queue(client: Client, fields: Mapping[str, str], **more: Any) -> httpx.Response:
    return client.compress([("a.png", png())], fields, ASYNC, **more)


@every_case("name, value, allowed", BAD)
def test_a_bad_value_gets_one_sentence_with_name_what_came_and_what_is_allowed(
    client: Client, name: str, value: str, allowed: str
) -> None:
    error = _refused(_queue(client, {name: value}))
    came = value.replace("\n", "")
    came = came if len(came) <= 60 else came[:60] + "…"
    assert error == f"{name} must be {allowed}, not '{came}'"


@every_case("name, value", GOOD)
def test_every_value_that_is_allowed_is_taken(client: Client, name: str, value: str) -> None:
    # By a batch that is refused for the field that is checked last, so that it costs no work.
    error = _refused(_queue(client, {name: value, "sessionId": "!"}))
    assert error.startswith("sessionId must be ")


@every_case(
    "sent, made",
    [("jpeg", "jpg"), ("JPEG", "jpg"), ("Jpg", "jpg"), ("AVIF", "avif"), ("WebP", "webp")],
)
def test_a_format_is_taken_in_any_case_and_jpeg_as_jpg(
    client: Client, sent: str, made: str
) -> None:
    headers = {"Idempotency-Key": sent}
    bodies = [
        client.compress([("a.png", png())], {"format": spelling}, headers).json()
        for spelling in (sent, made)  # the same request twice
    ]
    assert bodies[0]["batch_id"] == bodies[1]["batch_id"]
    assert bodies[0]["data"][0]["file_name"] == f"a.{made}"


@every_case(
    "sent, meant",
    [
        ("maxwidth", "maxWidth"),
        ("max_widht", "maxWidth"),
        ("max-width", "maxWidth"),
        ("width", "maxWidth"),
        ("qualty", "quality"),
        ("Quality", "quality"),
        ("quality[]", "quality"),
        ("file_format", "format"),
        ("formt", "format"),
        ("session", "sessionId"),
        ("langauge", "language"),
        ("alt_text", "autoAltText"),
        ("auto_rename", "autoRenameSEO"),
        ("water_mark_opacity", "watermarkOpacity"),
        ("watermark", "watermarkFile"),
        ("aiKeyword", "keywords"),
        ("description", None),
        ("fileName", None),
        ("text", None),
        ("title", None),
        ("q", None),
        ("", None),
    ],
)
def test_a_misspelt_field_is_ignored_with_the_one_that_was_meant(
    still: Still, sent: str, meant: str | None
) -> None:
    body = file_part("a.png", png()) + part(f'name="{sent}"', b"7") + end()
    [warning] = post(still.url, still.key, body, "Prefer: respond-async").json()["warnings"]
    told = f"; {meant} was probably meant" if meant else ""
    assert warning["message"] == f"The field '{sent}' is not known and was ignored{told}"


@every_case("name", ["image", "files", "file[]", "images[]", "photo", "document", "File"])
def test_images_under_another_name_are_named_in_the_refusal(client: Client, name: str) -> None:
    for value in (("a.png", png()), (None, b"a.png")):
        if name != "document" or value[0]:  # which could be any text
            error = _refused(client.call("POST", "/api/compress", files=[(name, value)]))
            assert error == f"file is missing; send 1 to 20 images as file, not as '{name}'"


def test_an_image_beside_the_others_under_another_name_is_in_a_warning(still: Still) -> None:
    files = [("file", ("a.png", png())), ("images[]", ("b.png", png())), ("logo", ("c", png()))]
    body = still.call("POST", "/api/compress", headers=ASYNC, files=files).json()
    assert [warning["message"] for warning in body["warnings"]] == [
        "The field 'images[]' is not known and was ignored; file was probably meant",
        "The field 'logo' is not known and was ignored",
    ]


@every_case("session", ["a", "A.b_c:d-9", "...", "x" * 128])
def test_a_session_may_have_every_allowed_name(client: Client, session: str) -> None:
    assert _queue(client, {"sessionId": session}).json()["session_id"] == session


@every_case("spelling", SPELLINGS)
def test_the_other_spelling_means_the_same_field(client: Client, spelling: str) -> None:
    error = _refused(_queue(client, {spelling: "!"}))
    assert error.startswith(f"{SPELLINGS[spelling]} must be ")


@every_case(
    "spelling, name",
    [
        *((spelling, "context") for spelling in ("context", "aiContext", "ai_context")),
        *((spelling, "keywords") for spelling in ("keywords", "aiKeywords", "ai_keywords")),
    ],
)
def test_a_phrase_has_at_most_three_hundred_characters_in_every_spelling(
    client: Client, spelling: str, name: str
) -> None:
    error = _refused(_queue(client, {spelling: "é" * 301}))
    assert error == f"{name} must be at most 300 characters long, not 301"


def test_a_watermark_may_be_sent_as_watermark_file_in_snake_case(client: Client) -> None:
    files = [("file", ("a.png", png())), ("watermark_file", ("w.png", png(2, 2, "blue")))]
    body = client.call("POST", "/api/compress", files=files).json()
    assert body["data"][0]["watermarked"] is True
    assert body["warnings"] == []


def test_a_field_in_both_spellings_was_given_twice(client: Client) -> None:
    error = _refused(_queue(client, {"maxWidth": "5", "max_width": "5"}))
    assert error == "maxWidth was sent more than once; send it at most once"


def test_a_repeated_field_is_refused(still: Still) -> None:
    body = file_part("a.png", png()) + part('name="quality"', b"80") * 2 + end()
    answer = post(still.url, still.key, body)
    assert answer.status == 400
    assert answer.error == "quality was sent more than once; send it at most once"


def test_two_watermarks_are_refused(client: Client) -> None:
    files = [("file", ("a.png", png())), *[("watermarkFile", ("w.png", png()))] * 2]
    error = _refused(client.call("POST", "/api/compress", files=files))
    assert error == "watermarkFile was sent more than once; send it at most once"


def test_unknown_fields_are_ignored_and_each_is_named_once(client: Client) -> None:
    files = [
        ("file", ("a.png", png())),
        *[("hue", (None, b"\xff" * 20_000))] * 2,
        ("extra", ("x.bin", b"\0")),
        ("hoo", (None, b"12")),
    ]
    response = client.call("POST", "/api/compress", files=files)
    assert response.status_code == 200
    assert response.json()["warnings"] == [
        {
            "index": None,
            "code": "unknown_field",
            "message": f"The field '{name}' is not known and was ignored",
        }
        for name in ("hue", "extra", "hoo")
    ]


def test_a_body_without_a_file_is_refused(client: Client) -> None:
    error = _refused(client.compress([], {"format": "png"}))
    assert error == "file is missing; send 1 to 20 images as file"


def test_the_empty_part_of_a_form_in_which_nothing_was_chosen_is_no_file(still: Still) -> None:
    answer = post(still.url, still.key, file_part("", b"") + end())
    assert answer.error == "file is missing; send 1 to 20 images as file"


def test_an_empty_watermark_part_is_no_watermark(still: Still) -> None:
    empty = part('name="watermarkFile"; filename=""')
    body = file_part("a.png", png()) + empty + end()
    assert post(still.url, still.key, body, "Prefer: respond-async").status == 202


def test_a_file_sent_as_text_is_refused(client: Client) -> None:
    error = _refused(client.compress([("a.png", png())], {"file": "a.png"}))
    assert error == "file must be sent as a file, with a file name"


def test_text_sent_as_a_file_is_refused(client: Client) -> None:
    files = [("file", ("a.png", png())), ("quality", ("q.txt", b"80"))]
    error = _refused(client.call("POST", "/api/compress", files=files))
    assert error == "quality must be sent as text, not as a file"


def test_text_that_is_not_utf8_is_refused(still: Still) -> None:
    body = file_part("a.png", png()) + part('name="context"', b"caf\xe9") + end()
    answer = post(still.url, still.key, body)
    assert (answer.status, answer.error) == (400, "context must be text in UTF-8")


def _jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG")
    return file.getvalue()


@every_case(
    "mark, sentence",
    [
        (b"no image", "watermarkFile is not an image; a PNG of at most 4096 x 4096 pixels"),
        (_jpeg(), "watermarkFile is a JPEG image; a PNG of at most 4096 x 4096 pixels"),
        (b"", "watermarkFile is empty; a PNG of at most 4096 x 4096 pixels"),
        (png(40, 40)[:60], "watermarkFile is a PNG that is damaged or cut short"),
        (png(4097, 1), "watermarkFile has 4097 x 1 pixels; a PNG of at most 4096 x 4096 pixels"),
        (
            png() + bytes(5 * 1024 * 1024),
            "watermarkFile must be a PNG of at most 5242880 bytes (5 MB), not 5242955 bytes",
        ),
    ],
)
def test_a_watermark_that_cannot_be_applied_refuses_the_batch(
    client: Client, mark: bytes, sentence: str
) -> None:
    error = _refused(client.compress([("a.png", png())], watermark=mark))
    assert error.startswith(sentence)


def test_a_watermark_of_the_largest_size_is_taken(client: Client) -> None:
    assert _queue(client, {}, watermark=png(4096, 4096)).status_code == 202


def test_a_watermark_on_the_free_plan_is_ignored_with_a_warning(free: Client) -> None:
    response = free.compress(
        [("a.png", png())], {"watermarkScale": "9000"}, watermark=b"not a PNG at all"
    )
    assert response.status_code == 200
    body = response.json()
    assert body["data"][0]["watermarked"] is False
    assert body["warnings"] == [
        {
            "index": None,
            "code": "watermark_not_available",
            "message": "Watermarks require a paid plan; the watermark fields were ignored",
        }
    ]


def test_quality_matters_to_a_lossy_format_and_not_to_png(client: Client) -> None:
    noise = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(noise, "PNG")

    def size(format: str, quality: str) -> int:
        fields = {"format": format, "quality": quality}
        [image] = client.compress([("n.png", noise.getvalue())], fields).json()["data"]
        return int(image["compressed_size"])

    assert size("webp", "40") < size("webp", "82") < size("webp", "100")
    assert size("png", "40") == size("png", "100")
