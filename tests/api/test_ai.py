"""Alt texts and file names through HTTP, with a Messages API on the loopback behind it all."""

import re
from urllib.parse import unquote

import pytest

from infra.dev.messages_api import Answer, MessagesApi
from shared.models import Language
from tests.support.cases import every_case
from tests.support.client import Client, get
from tests.support.languages import GOOD
from tests.support.making import png, saying
from tests.support.paths import SAMPLES

COFFEE = ("IMG_1.png", (SAMPLES / "coffee.png").read_bytes())
BOTH = {"autoAltText": "true", "autoRenameSEO": "true"}


def usage(client: Client) -> dict[str, object]:
    found: dict[str, object] = client.call("GET", "/api/usage").json()
    return found


def test_an_image_comes_back_described_and_renamed(client: Client, model: MessagesApi) -> None:
    model.script.append(saying("Kaffee in einer weißen Tasse", "kaffee-in-weisser-tasse"))
    response = client.compress([COFFEE], BOTH | {"language": "Deutsch"})
    assert response.status_code == 200
    (image,) = response.json()["data"]
    assert image["alt_text"] == "Kaffee in einer weißen Tasse"
    assert image["file_name"] == "kaffee-in-weisser-tasse.webp"
    assert response.json()["warnings"] == []


def test_an_image_downloads_under_the_name_that_it_was_given(
    client: Client, model: MessagesApi
) -> None:
    model.script.append(saying("Coffee", "white-coffee-cup"))
    (image,) = client.compress([COFFEE], BOTH).json()["data"]
    header = get(image["url"]).headers["content-disposition"]
    assert "white-coffee-cup.webp" in unquote(header)


def test_what_the_client_says_of_its_images_reaches_the_model(
    client: Client, model: MessagesApi
) -> None:
    fields = {"aiContext": "A coffee shop's menu", "ai_keywords": "espresso", "language": "日本語"}
    client.compress([COFFEE], BOTH | fields)
    sent = model.requests[0].raw.decode()
    for words in ("A coffee shop's menu", "espresso", "Japanese"):
        assert words in sent


def test_ai_on_an_image_is_one_credit_whether_text_or_name_or_both(
    client: Client, model: MessagesApi
) -> None:
    for wanted in ({"autoAltText": "true"}, {"autoRenameSEO": "true"}, BOTH):
        assert client.compress([COFFEE], wanted).status_code == 200
    found = usage(client)
    assert (found["compressor_used"], found["ia_credits_used"]) == (3, 3)
    assert len(model.requests) == 3


def test_names_are_unique_in_a_session_across_batches(client: Client, model: MessagesApi) -> None:
    model.otherwise = lambda _: saying("Coffee", "white-coffee-cup")
    names = []
    for _ in range(2):
        response = client.compress([COFFEE] * 2, BOTH | {"sessionId": "menu"})
        names += [image["file_name"] for image in response.json()["data"]]
    assert sorted(names) == [
        "white-coffee-cup-2.webp",
        "white-coffee-cup-3.webp",
        "white-coffee-cup-4.webp",
        "white-coffee-cup.webp",
    ]


def test_a_refused_picture_is_delivered_with_a_warning_for_its_index(
    client: Client, model: MessagesApi
) -> None:
    model.script += [Answer(), Answer(stop_reason="refusal")]
    response = client.compress([COFFEE] * 2, BOTH)
    assert response.status_code == 200
    body = response.json()
    assert len(body["data"]) == 2
    (warning,) = body["warnings"]
    (missing,) = [image["index"] for image in body["data"] if image["alt_text"] is None]
    assert (warning["index"], warning["code"]) == (missing, "ai_declined")
    assert usage(client)["ia_credits_used"] == 1


def test_an_image_that_fails_costs_neither_credit(client: Client, model: MessagesApi) -> None:
    response = client.compress([("a.png", b"no picture")], BOTH)
    assert response.status_code == 422
    found = usage(client)
    assert (found["compressor_used"], found["ia_credits_used"]) == (0, 0)
    assert model.requests == []


def test_calls_to_the_model_wait_side_by_side_and_not_on_the_cores(
    client: Client, model: MessagesApi
) -> None:
    model.otherwise = lambda _: Answer(delay_seconds=2)
    response = client.compress([("a.png", png(64, 48))] * 20, BOTH)
    assert response.status_code == 200
    assert model.most_in_flight > 10  # of two worker processes each holds one image


def test_a_session_whose_images_are_being_described_is_processing(
    client: Client, model: MessagesApi
) -> None:
    model.otherwise = lambda _: Answer(delay_seconds=1.5)
    sent = client.compress(
        [("a.png", png())], BOTH | {"sessionId": "slow"}, {"Prefer": "respond-async"}
    )
    assert sent.status_code == 202
    page = client.call("GET", "/api/sessions/slow").json()
    assert page["status"] in ("queued", "processing")
    page = client.call("GET", "/api/sessions/slow?wait=20").json()
    assert [image["alt_text"] for image in page["data"]] == ["A cup of coffee"]


@pytest.mark.usefixtures("model")
def test_the_metrics_show_what_the_model_took(client: Client) -> None:
    def tokens() -> int:
        text = client.call("GET", "/metrics").text
        found = re.search(r'^fluximage_ai_tokens_total\{kind="output"\} (\S+)$', text, re.M)
        assert found
        return int(float(found[1]))

    before = tokens()
    client.compress([COFFEE], BOTH)
    assert tokens() == before + 40


def test_the_same_key_with_another_context_is_another_payload(
    client: Client, model: MessagesApi
) -> None:
    key = {"Idempotency-Key": "k"}
    assert client.compress([COFFEE], BOTH | {"context": "a"}, key).status_code == 200
    assert client.compress([COFFEE], BOTH | {"context": "b"}, key).status_code == 422
    assert len(model.requests) == 1


# Letters with accents, ideographs, from right to left, combining signs.
@every_case("language", [Language.CATALAN, Language.CHINESE, Language.ARABIC, Language.HINDI])
def test_a_text_comes_back_in_every_script(
    client: Client, model: MessagesApi, language: Language
) -> None:
    model.script.append(saying(*GOOD[language]))
    file = ("a.png", png())
    (image,) = client.compress([file], BOTH | {"language": language.value}).json()["data"]
    assert (image["alt_text"], image["file_name"]) == (
        GOOD[language][0],
        f"{GOOD[language][1]}.webp",
    )
