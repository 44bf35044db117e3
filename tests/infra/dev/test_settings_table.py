"""docs/settings.md says the same as the code."""

import pytest

from infra.dev.settings_table import page
from shared.settings import Settings
from tests.support.paths import ROOT


def test_the_page_is_made_from_the_settings() -> None:
    written = (ROOT / "docs/settings.md").read_text()
    assert written == page(), "run `make settings`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_one_sentence(name: str) -> None:
    sentence = Settings.model_fields[name].description
    assert sentence
    assert sentence.endswith(".")
