"""A model's answer: what of it may reach a client, and what has to be said against the rest.

A model reads what strangers wrote, in a client's fields and in pictures. So nothing it answers is
trusted: every promise to clients is checked here, whatever the prompt asked for.
"""

import json
from dataclasses import dataclass
from typing import Any

from shared.models import Description, DescriptionRequest
from workers.ai import alt_text, file_name

# Both texts at their longest, written in \u escapes, take half of this. It bounds the time that
# an answer without an end can take.
MAX_ANSWER_CHARACTERS = 16_384


@dataclass(frozen=True)
class Answer:
    """description: what was wanted and passed. faults: one sentence for each thing that did not.

    The sentences are ours, without a word of the model's or the client's: they can be logged and
    sent back to the model.
    """

    description: Description
    faults: tuple[str, ...]


def read(text: str, request: DescriptionRequest, max_characters: int) -> Answer:
    """What a model answered to a request, never raising.

    text: one JSON object of strings, `alt_text` and `file_name`; other properties are not looked
    at, nor is one of these two that was not wanted. max_characters: of an alt text.
    """
    try:
        fields = json.loads(text) if len(text) <= MAX_ANSWER_CHARACTERS else None
    except (ValueError, RecursionError):  # the latter by ten thousand brackets
        fields = None
    if not isinstance(fields, dict):
        return Answer(Description(), ("The answer was not one JSON object and nothing else.",))
    alt, of_alt = _alt_text(fields, request, max_characters) if request.alt_text else (None, ())
    stem, of_stem = _stem(fields, request) if request.file_name else (None, ())
    return Answer(Description(alt, stem), (*of_alt, *of_stem))


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
