"""The real model describes a photograph."""

import json
import os
from collections.abc import Mapping
from contextlib import closing

import pytest

from shared import settings
from shared.services import Services
from tests.workers.ai.conftest import coffee_jpeg, describe
from workers.ai.provider import Provider

KEY = os.environ.get("ANTHROPIC_API_KEY", "")


@pytest.mark.live
@pytest.mark.skipif(not KEY, reason="ANTHROPIC_API_KEY is not set")
def test_the_real_model_sees_a_cup_of_coffee(
    unit: Services, unit_environment: Mapping[str, str]
) -> None:
    loaded = settings.load({**unit_environment, "ANTHROPIC_API_KEY": KEY})
    with closing(Provider(loaded, unit.redis)) as provider:
        reply = describe(provider, coffee_jpeg())
    assert "coffee" in json.loads(reply.text)["alt_text"].lower()
    assert reply.tokens.input > 0
    assert reply.tokens.output > 0
