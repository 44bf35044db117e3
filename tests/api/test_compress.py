"""POST /api/compress: a batch comes in, and comes back in the documented shape."""

import io
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import numpy as np
import pillow_heif
from PIL import Image

from tests.api.conftest import Still
from tests.api.raw import gif
from tests.support.cases import every_case
from tests.support.client import Client, get
from tests.support.making import png
from tests.support.paths import SAMPLES
from tests.support.tiffs import BYTE, RGB, Page, tiff

pillow_heif.register_heif_opener()

TEXT = b"The quick brown fox"


def test_the_body_has_the_documented_keys_in_the_documented_order(client: Client) -> None:
    body = client.compress([("a.png", png()), ("notes.txt", TEXT)], {"hue": "1"}).json()
    assert list(body) == ["session_id", "batch_id", "status", "data", "errors", "warnings"]
    assert list(body["data"][0]) == [
        *("id", "batch_id", "index", "original_name", "path", "file_name", "format"),
        *(
            "width",
            "height",
            "original_size",
            "compressed_size",
            "saved_percent",
            "url",
            "expires_at",
            "alt_text",
        ),
        *("watermarked", "encoding", "retry_of"),
    ]
    assert list(body["errors"][0]) == [
        *("id", "index", "original_name", "path", "error", "message", "retry_of")
    ]
    assert list(body["warnings"][0]) == ["index", "code", "message"]


def test_every_value_of_an_image_is_true(client: Client) -> None:
    photo = (SAMPLES / "coffee.png").read_bytes()
    response = client.compress(
        [("IMG_0001.PNG", photo)], {"sessionId": "spring-sale", "maxWidth": "120"}
    )
    assert response.status_code == 200
    body = response.json()
    [image] = body["data"]
    stored = get(image["url"])
    assert (body["session_id"], body["status"]) == ("spring-sale", "completed")
    assert (body["errors"], body["warnings"]) == ([], [])
    assert UUID(image["id"]) != UUID(body["batch_id"])
    assert image["batch_id"] == body["batch_id"]
    assert (image["index"], image["original_name"]) == (0, "IMG_0001.PNG")
    assert (image["file_name"], image["format"]) == ("IMG_0001.webp", "webp")
    assert (image["width"], image["height"]) == (120, 80)
    assert (image["original_size"], image["compressed_size"]) == (len(photo), len(stored.content))
    assert image["saved_percent"] == round(100 - 100 * len(stored.content) / len(photo), 1)
    assert image["alt_text"] is None
    assert image["watermarked"] is False


def test_an_image_says_how_it_was_encoded(client: Client) -> None:
    photo = (SAMPLES / "chelsea.png").read_bytes()

    def compressed(name: str, data: bytes, fields: dict[str, str]) -> dict[str, str]:
        [image] = client.compress([(name, data)], fields).json()["data"]
        return dict(image)

    rough = compressed("a.png", photo, {"format": "jpg", "quality": "40"})
    again = get(rough["url"]).content
    kept = compressed("a.jpg", again, {"format": "jpg", "quality": "100"})
    exact = compressed("a.png", photo, {"format": "png"})
    encodings = (rough["encoding"], kept["encoding"], exact["encoding"])
    assert encodings == ("reencoded", "original", "lossless")


@every_case(
    "format, decoder, content_type",
    [
        ("webp", "WEBP", "image/webp"),
        ("avif", "AVIF", "image/avif"),
        ("jpg", "JPEG", "image/jpeg"),
        ("png", "PNG", "image/png"),
    ],
)
def test_a_download_is_of_the_format_and_size_that_was_asked_for(
    client: Client, format: str, decoder: str, content_type: str
) -> None:
    answer = client.compress(
        [("tree.png", png(40, 30))], {"format": format, "maxWidth": "20", "maxHeight": "20"}
    )
    [image] = answer.json()["data"]
    download = get(image["url"])
    with Image.open(io.BytesIO(download.content)) as picture:
        assert (picture.format, picture.size) == (decoder, (20, 15))
    assert (image["width"], image["height"], image["format"]) == (20, 15, format)
    assert image["file_name"] == f"tree.{format}"
    assert download.headers["Content-Type"] == content_type


def test_a_download_comes_under_its_file_name(client: Client) -> None:
    [image] = client.compress([("tree.png", png())]).json()["data"]
    disposition = get(image["url"]).headers["Content-Disposition"]
    assert disposition == "attachment; filename=\"tree.webp\"; filename*=UTF-8''tree.webp"


def test_a_url_that_was_changed_does_not_download(client: Client) -> None:
    [image] = client.compress([("tree.png", png())]).json()["data"]
    assert get(image["url"].replace("tree", "free")).status_code == 403
    assert get(image["url"].partition("?")[0]).is_client_error


def test_a_url_lives_a_day_and_says_until_when(client: Client) -> None:
    [image] = client.compress([("tree.png", png())]).json()["data"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", image["expires_at"])
    query = parse_qs(urlsplit(image["url"]).query)
    signed = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ends = signed + timedelta(seconds=int(query["X-Amz-Expires"][0]))
    assert abs(ends - datetime.fromisoformat(image["expires_at"])) <= timedelta(seconds=2)
    day = timedelta(days=1)
    assert abs(ends - datetime.now(UTC) - day) < timedelta(minutes=5)


def test_good_and_bad_files_in_one_batch_keep_their_places(client: Client) -> None:
    cut = (SAMPLES / "rocket.jpg").read_bytes()[:2000]
    files = [
        ("one.png", png(9, 9)),
        ("notes.jpg", TEXT),
        ("two.png", png(7, 7)),
        ("cut.jpg", cut),
        ("nothing.png", b""),
        ("three.png", png(5, 5)),
    ]
    response = client.compress(files)
    assert response.status_code == 200
    body = response.json()
    assert [(i["index"], i["original_name"], i["width"]) for i in body["data"]] == [
        (0, "one.png", 9),
        (2, "two.png", 7),
        (5, "three.png", 5),
    ]
    assert [(e["index"], e["original_name"], e["error"]) for e in body["errors"]] == [
        (1, "notes.jpg", "unsupported_image"),
        (3, "cut.jpg", "corrupt_image"),
        (4, "nothing.png", "corrupt_image"),
    ]


def test_a_text_is_refused_in_the_words_of_the_contract(client: Client) -> None:
    [error] = client.compress([("notes.txt", TEXT)]).json()["errors"]
    assert str(UUID(error["id"])) == error.pop("id")
    assert error == {
        "index": 0,
        "original_name": "notes.txt",
        "path": None,
        "error": "unsupported_image",
        "message": "notes.txt is not an image this service reads",
        "retry_of": None,
    }


def test_an_image_of_a_kind_that_is_not_read_says_why(client: Client) -> None:
    raw = tiff(Page(np.zeros((9, 9, 3), "u1"), RGB, more={50706: (BYTE, [1, 4, 0, 0])}))
    [error] = client.compress([("IMG_0001.DNG", raw)]).json()["errors"]
    assert error["error"] == "unsupported_image"
    assert error["message"].startswith("This is a camera raw, which is not supported.")


def test_a_batch_in_which_every_image_failed_is_422_with_the_same_body(client: Client) -> None:
    response = client.compress([("a.jpg", TEXT), ("b.png", b"")])
    assert response.status_code == 422
    body = response.json()
    assert body["error"] == "No image could be processed"
    assert set(body) == {
        *("error", "code", "session_id", "batch_id", "status", "data", "errors", "warnings")
    }
    assert body["code"] == "all_failed"
    assert (body["status"], body["data"], len(body["errors"])) == ("completed", [], 2)


def test_an_empty_file_fails_alone_and_says_so(client: Client) -> None:
    body = client.compress([("a.png", png()), ("empty.jpg", b"")]).json()
    assert len(body["data"]) == 1
    [error] = body["errors"]
    assert (error["index"], error["original_name"]) == (1, "empty.jpg")
    assert (error["error"], error["message"]) == (
        "corrupt_image",
        "This file is empty; send it again",
    )


def test_sixty_thousand_by_sixty_thousand_is_refused_from_the_header(client: Client) -> None:
    bomb = bytearray(png())
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    response = client.compress([("bomb.png", bytes(bomb))])
    [error] = response.json()["errors"]
    assert (response.status_code, error["error"]) == (422, "too_many_pixels")
    assert "60000 x 60000" in error["message"]


def test_more_frames_than_the_operator_allows_are_refused(client: Client) -> None:
    response = client.compress([("long.gif", gif(frames=1001))])
    [error] = response.json()["errors"]
    assert (response.status_code, error["error"]) == (422, "too_many_frames")


def test_png_keeps_the_first_frame_of_an_animation_with_a_warning(client: Client) -> None:
    body = client.compress(
        [("a.png", png()), ("moving.gif", gif(frames=3))], {"format": "png"}
    ).json()
    assert len(body["data"]) == 2
    flattened = [one["index"] for one in body["warnings"] if one["code"] == "animation_flattened"]
    assert flattened == [1]


def test_a_result_that_is_larger_than_its_upload_has_a_warning(client: Client) -> None:
    photo = Image.open(SAMPLES / "chelsea.png").convert("RGB")
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=60)
    body = client.compress([("a.png", png()), ("b.jpg", file.getvalue())], {"format": "png"}).json()
    assert body["data"][1]["compressed_size"] > body["data"][1]["original_size"]
    [warning] = body["warnings"]
    assert (warning["index"], warning["code"]) == (1, "larger_than_original")


def test_an_image_is_known_by_its_content_and_not_by_its_name(client: Client) -> None:
    kinds = ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "TIFF", "BMP"]
    files = []
    for width, kind in enumerate(kinds, 16):
        file = io.BytesIO()
        Image.new("RGB", (width, 12)).save(file, kind)
        files.append(("file", ("notes.txt", file.getvalue(), "text/plain")))
    body = client.call("POST", "/api/compress", files=files).json()
    sizes = [(image["width"], image["height"]) for image in body["data"]]
    assert sizes == [(width, 12) for width in range(16, 16 + len(kinds))]


@every_case("size", [(16_500, 2), (4, 16_500)])
def test_a_side_past_webps_limit_is_refused_with_a_max_width_that_helps(
    client: Client, size: tuple[int, int]
) -> None:
    files = [("long.png", png(*size))]
    response = client.compress(files)
    [error] = response.json()["errors"]
    assert (response.status_code, error["error"]) == (422, "too_large_for_format")
    suggested = re.search(r"maxWidth\D*(\d+)", error["message"])
    assert suggested
    assert client.compress(files, {"maxWidth": suggested[1]}).status_code == 200


def test_a_batch_has_at_most_twenty_files(client: Client) -> None:
    body = client.compress([(f"{n}.png", png(4, 4)) for n in range(20)]).json()
    assert [image["index"] for image in body["data"]] == list(range(20))
    response = client.compress([(f"{n}.png", png(4, 4)) for n in range(21)])
    assert response.status_code == 400
    assert response.json() == {
        "error": "Maximum 20 images allowed per batch",
        "code": "too_many_files",
    }


def test_a_file_has_at_most_twenty_megabytes(still: Still) -> None:
    full = ("full.jpg", bytes(20 * 1024 * 1024))
    assert still.compress([full], headers={"Prefer": "respond-async"}).status_code == 202
    response = still.compress([("full.jpg", bytes(20 * 1024 * 1024 + 1))])
    assert response.status_code == 400
    assert response.json() == {
        "error": "File full.jpg exceeds the 20MB limit",
        "code": "file_too_large",
    }


def test_results_of_one_session_never_share_a_name(client: Client) -> None:
    session = {"sessionId": "album"}
    files = [("cat.png", png()), ("cat.gif", png()), ("CAT.jpg", png())]
    first = [image["file_name"] for image in client.compress(files, session).json()["data"]]
    second = [image["file_name"] for image in client.compress(files, session).json()["data"]]
    folded = [name.casefold() for name in first + second]
    assert first[0] == "cat.webp"
    assert len(set(folded)) == 6


def test_a_random_session_is_made_where_none_is_named(client: Client) -> None:
    ids = {client.compress([("a.png", png())]).json()["session_id"] for _ in range(2)}
    assert len(ids) == 2


def test_a_request_answers_its_own_batch_and_not_the_rest_of_the_session(client: Client) -> None:
    session = {"sessionId": "album"}
    first = client.compress([("a.png", png())], session).json()
    second = client.compress([("b.png", png()), ("c.png", png())], session).json()
    assert first["batch_id"] != second["batch_id"]
    assert [image["original_name"] for image in second["data"]] == ["b.png", "c.png"]


def test_a_watermark_changes_the_picture_and_is_reported(client: Client) -> None:
    mark = png(10, 10, "blue")
    fields = {"watermarkScale": "50", "watermarkOpacity": "100", "watermarkPosition": "MC"}
    body = client.compress(
        [("a.png", png(100, 100))], fields | {"format": "png"}, watermark=mark
    ).json()
    [image] = body["data"]
    with Image.open(io.BytesIO(get(image["url"]).content)) as picture:
        assert picture.convert("RGB").getpixel((50, 50)) == (0, 0, 255)
        assert picture.convert("RGB").getpixel((5, 5)) == (255, 0, 0)
    assert image["watermarked"] is True


@every_case(
    "content, headers",
    [
        (b"{}", {"Content-Type": "application/json"}),
        (b"file=x", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"", {"Content-Type": "multipart/form-data"}),
        (None, {}),
    ],
)
def test_a_body_other_than_multipart_is_refused(
    client: Client, content: bytes | None, headers: dict[str, str]
) -> None:
    response = client.call("POST", "/api/compress", headers=headers, content=content)
    assert response.status_code == 400
    assert "multipart/form-data" in response.json()["error"]
