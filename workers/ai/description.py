"""From a picture to what is written of it: asked, checked, and asked again once."""

from typing import Protocol

from anthropic.types import MessageParam, TextBlockParam

from shared.models import Description, DescriptionRequest
from workers.ai import prompt
from workers.ai.answer import read
from workers.ai.provider import Reply


class Ask(Protocol):
    """One call to the model; `Provider.ask` with who asks and until when."""

    def __call__(
        self,
        system: list[TextBlockParam],
        messages: list[MessageParam],
        schema: dict[str, object],
    ) -> Reply:
        """What the model answers; raises DescriptionError."""


def write(
    ask: Ask, picture: bytes, request: DescriptionRequest, max_characters: int
) -> Description:
    """What the model writes of a picture, as far as it passes the checks.

    picture: a whole JPEG. max_characters: of an alt text. What fails the checks is asked for
    once more; of the two answers each text is taken from the later one that has it. Raises
    DescriptionError where there is no answer at all.
    """
    system, schema = prompt.system(), prompt.schema(request)
    messages = prompt.first(picture, request, max_characters)
    reply = ask(system, messages, schema)
    first = read(reply.text, request, max_characters)
    if not first.faults:
        return first.description
    messages = prompt.again(messages, reply.text, first.faults)
    second = read(ask(system, messages, schema).text, request, max_characters)
    return Description(
        second.description.alt_text or first.description.alt_text,
        second.description.stem or first.description.stem,
    )
