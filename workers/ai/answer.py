"""A model's answer: the part that may reach a client, and the faults of the rest.

A model reads text of strangers, in a client's fields and in images. So its answer is not trusted:
every promise to clients is checked here, whatever the prompt asked for.
"""

import json
from dataclasses import dataclass
from typing import Any

from shared.models import Description, DescriptionRequest
from workers.ai import alt_text, file_name

# Twice what both texts take at their longest, written in \u escapes. It bounds the time that an
# endless answer can take.
MAX_ANSWER_CHARACTERS = 16_384


@dataclass(frozen=True)
class Answer:
    """description: the requested texts that passed. faults: one sentence for each other fault.

    The sentences hold no word of the model or the client, so they can be logged and sent back to
    the model.
    """

    description: Description
    faults: tuple[str, ...]


def parse_answer(text: str, request: DescriptionRequest, max_characters: int) -> Answer:
    """Returns the checked answer of a model to a request; never raises.

    text: one JSON object with the strings `alt_text` and `file_name`; other properties are
    ignored, and so is a text that was not requested. max_characters: of an alt text.
    """
    try:
        fields = json.loads(text) if len(text) <= MAX_ANSWER_CHARACTERS else None
    except (ValueError, RecursionError):  # RecursionError: thousands of nested brackets
        fields = None
    if not isinstance(fields, dict):
        return Answer(Description(), ("The answer was not one JSON object and nothing else.",))
    alt, alt_faults = _alt_text(fields, request, max_characters) if request.alt_text else (None, ())
    stem, stem_faults = _stem(fields, request) if request.file_name else (None, ())
    return Answer(Description(alt, stem), (*alt_faults, *stem_faults))


def _alt_text(
    fields: dict[str, Any], request: DescriptionRequest, max_characters: int
) -> tuple[str | None, tuple[str, ...]]:
    value = fields.get("alt_text")
    if not isinstance(value, str):
        return None, ("The answer had no alt_text that is a string.",)
    text = alt_text.clean(value)
    faults = alt_text.faults(text, request, max_characters)
    return None if faults else text, faults


def _stem(
    fields: dict[str, Any], request: DescriptionRequest
) -> tuple[str | None, tuple[str, ...]]:
    value = fields.get("file_name")
    if not isinstance(value, str):
        return None, ("The answer had no file_name that is a string.",)
    stem = file_name.clean(value, request.language)
    faults = file_name.faults(value, stem)
    return None if faults else stem, faults
