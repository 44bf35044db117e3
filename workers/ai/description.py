"""From an image to its description: asks the model, checks the answer, asks once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shared.models import Description, DescriptionRequest
from workers.ai import prompt
from workers.ai.answer import parse_answer

if TYPE_CHECKING:  # see workers/celery.py
    from anthropic.types import MessageParam, TextBlockParam

    from workers.ai.provider import Reply


class Ask(Protocol):
    """One call to the model: `Provider.ask` with its account and deadline set."""

    def __call__(
        self,
        system: list[TextBlockParam],
        messages: list[MessageParam],
        schema: dict[str, object],
    ) -> Reply:
        """Returns the model's reply; raises DescriptionError."""


def describe_image(
    ask: Ask, jpeg: bytes, request: DescriptionRequest, max_characters: int
) -> Description:
    """Returns the texts of the model that pass the checks.

    jpeg: the preview, as a whole file. max_characters: of an alt text. Where a text fails the
    checks, the model is asked once more, and each text is taken from its later good answer.
    Raises DescriptionError where there is no answer at all.
    """
    system, schema = prompt.system(), prompt.schema(request)
    messages = prompt.first(jpeg, request, max_characters)
    reply = ask(system, messages, schema)
    first = parse_answer(reply.text, request, max_characters)
    if not first.faults:
        return first.description
    messages = prompt.again(messages, reply.text, first.faults)
    second = parse_answer(ask(system, messages, schema).text, request, max_characters)
    return Description(
        second.description.alt_text or first.description.alt_text,
        second.description.stem or first.description.stem,
    )
