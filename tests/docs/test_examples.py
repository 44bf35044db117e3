"""Every block of README.md and docs/ is run as it stands, or has a reason not to be."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.dev.messages_api import MessagesApi
from tests.docs.blocks import (
    ANSWERS,
    NOT_RUN,
    PAGES,
    RUN,
    SHOWN,
    answers_of_nothing,
    blocks,
    examples,
)
from tests.docs.page import Reader, differences, missing, shown
from tests.support.client import Client
from tests.support.paths import ROOT
from tests.support.webhook_receiver import Receiver, receiver

CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
SLOW = {"command-line", "operations", "recipes"}
WITH_EXAMPLES = [
    pytest.param(page, id=page.stem, marks=[pytest.mark.full] if page.stem in SLOW else [])
    for page in PAGES
    if list(examples(page))
]


@pytest.fixture
def hook() -> Iterator[Receiver]:
    """A receiver of webhooks that takes nothing, so that a session lists what is not delivered."""
    with receiver() as running:
        running.answer = lambda: 503
        yield running


@CURL
@pytest.mark.parametrize("page", WITH_EXAMPLES)
def test_every_example_of_a_page_runs_and_answers_as_it_says(
    page: Path,
    client: Client,
    model: MessagesApi,
    hook: Receiver,
    service_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    assert model.url
    reader = Reader(
        tmp_path,
        {
            "flx_live_…": client.key,
            "http://127.0.0.1:8080": client.url,
            "https://example.com/hooks/images": hook.url,
        },
        {"FLUXIMAGE_URL": client.url, "FLUXIMAGE_API_KEY": client.key}
        | (service_environment if page.stem == "operations" else {}),
    )
    reader.prepare()
    for example in examples(page):
        reader.follow(example)


def test_every_block_is_run_or_has_a_reason_not_to_be() -> None:
    for page in PAGES:
        for block in blocks(page):
            assert block.language in RUN | ANSWERS | SHOWN.keys(), block.place
        assert [block.place for block in answers_of_nothing(page)] == []


def test_every_reason_is_that_of_a_block_and_every_test_that_it_names_exists() -> None:
    used = {block.excuse for page in PAGES for block in blocks(page)}
    assert NOT_RUN.keys() <= used
    for reason in [*NOT_RUN.values(), *SHOWN.values()]:
        for word in reason.split():
            assert not word.startswith("tests/") or (ROOT / word).exists(), reason


def test_another_key_or_kind_of_value_is_a_difference() -> None:
    real = {"a": 1, "b": [{"c": "x"}], "d": None}
    assert differences({"a": 2, "b": [{"c": "…"}], "d": "later"}, real) == []
    assert differences(shown('{"a": 2, …}'), real) == []
    assert differences({"a": 2, "b": [], "d": 1, "e": 1}, real) == [".e"]
    assert differences({"a": "2", "b": [{"x": 1}], "d": 1}, real) != []
    assert differences(shown('{"b": [1], …}'), {"b": []}) == [".b[] is empty"]


def test_a_line_that_was_not_printed_is_missing() -> None:
    real = "3 images, 1.5 MB  saved\n"
    assert missing("12 images, 0.7 MB saved\n", real) == []
    assert missing("12 images, …\n", real) == []
    assert missing("12 files, …\n", real) == ["12 files, …"]
