"""docs/settings.md says the same as the code."""

from infra.dev.settings_table import page
from shared.settings import Settings
from tests.support.paths import ROOT


def test_the_page_is_made_from_the_settings() -> None:
    written = (ROOT / "docs/settings.md").read_text()
    assert written == page(), "run `make settings`"


def test_every_setting_has_one_sentence() -> None:
    sentences = {name: field.description or "" for name, field in Settings.model_fields.items()}
    assert [name for name, sentence in sentences.items() if not sentence.endswith(".")] == []
