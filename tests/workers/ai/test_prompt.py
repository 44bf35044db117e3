"""What the model is sent for one image."""

import base64
import json
from typing import Any

from anthropic.types import MessageParam
from jsonschema import validate

from shared.models import DescriptionRequest, Language
from tests.support.cases import every_case
from workers.ai import prompt

PICTURE = b"\xff\xd8 a JPEG \xff\xd9"
REQUEST = DescriptionRequest(
    True, True, Language.FRENCH, "boutique de chaussures", "baskets, course"
)


def blocks(messages: list[MessageParam]) -> list[Any]:
    content = messages[0]["content"]
    assert not isinstance(content, str)
    return list(content)


def data(request: DescriptionRequest) -> dict[str, Any]:
    text: str = blocks(prompt.first(PICTURE, request, 125))[1]["text"]
    start, body, end = text.split("\n")
    assert (start, end) == ("<brief>", "</brief>")
    fields: dict[str, Any] = json.loads(body)
    return fields


def test_the_system_prompt_is_the_one_block_that_is_cached() -> None:
    assert prompt.system() == [
        {"type": "text", "text": prompt.SYSTEM, "cache_control": {"type": "ephemeral"}}
    ]
    assert "cache_control" not in json.dumps(prompt.first(PICTURE, REQUEST, 125))


def test_a_description_is_asked_for_in_one_turn_of_a_picture_and_a_brief() -> None:
    (turn,) = messages = prompt.first(PICTURE, REQUEST, 125)
    assert turn["role"] == "user"
    assert [block["type"] for block in blocks(messages)] == ["image", "text"]


def test_the_picture_travels_as_a_jpeg_in_base64() -> None:
    source = blocks(prompt.first(PICTURE, REQUEST, 125))[0]["source"]
    assert (source["type"], source["media_type"]) == ("base64", "image/jpeg")
    assert base64.b64decode(source["data"]) == PICTURE


def test_the_brief_says_what_is_wanted_and_in_which_language() -> None:
    assert data(REQUEST) == {
        "language": "French",
        "wanted": ["alt_text", "file_name"],
        "max_characters": 125,
        "context": "boutique de chaussures",
        "keywords": "baskets, course",
    }


def test_every_language_has_its_own_name_in_the_brief() -> None:
    assert (
        len({data(DescriptionRequest(True, False, language))["language"] for language in Language})
        == 15
    )


def test_white_space_and_what_is_invisible_is_taken_out_of_the_fields() -> None:
    request = DescriptionRequest(
        True, False, context="a\r\n\r\nb\u202e\u200b\x00\U000e0041\ud800", keywords="k\tl"
    )
    fields = data(request)
    assert (fields["context"], fields["keywords"]) == ("a b", "k l")


def test_a_second_turn_keeps_the_conversation_and_names_the_faults() -> None:
    messages = prompt.first(PICTURE, REQUEST, 125)
    second = prompt.again(messages, '{"alt_text": ""}', ["The alt text was empty.", "Another."])
    assert second[:1] == messages
    assert second[1] == {"role": "assistant", "content": '{"alt_text": ""}'}
    assert second[2]["role"] == "user"
    assert "- The alt text was empty.\n- Another.\n" in str(second[2]["content"])


def test_a_second_turn_leaves_the_first_conversation_as_it_was() -> None:
    messages = prompt.first(PICTURE, REQUEST, 125)
    prompt.again(messages, "{}", ["A fault."])
    assert len(messages) == 1


@every_case("answer", ["", " \n", "\ud800"])
def test_an_answer_that_the_api_would_not_take_back_is_replaced(answer: str) -> None:
    said = str(prompt.again([], answer, [])[0]["content"])
    assert said.strip()
    said.encode()


@every_case(
    "asked, wanted",
    [
        (DescriptionRequest(True, True), ["alt_text", "file_name"]),
        (DescriptionRequest(True, False), ["alt_text"]),
        (DescriptionRequest(False, True), ["file_name"]),
    ],
)
def test_the_schema_takes_what_is_wanted_and_nothing_else(
    asked: DescriptionRequest, wanted: list[str]
) -> None:
    schema = prompt.schema(asked)
    assert schema["required"] == list(schema["properties"]) == wanted  # type: ignore[call-overload]  # it is a dict
    assert schema["additionalProperties"] is False
    validate(dict.fromkeys(wanted, "x"), schema)
