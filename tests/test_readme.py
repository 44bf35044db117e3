import pytest

from shared.settings import Settings
from tests.support.paths import ROOT

README = (ROOT / "README.md").read_text()


def names() -> list[str]:
    fields = Settings.model_fields.values()
    return [str(field.validation_alias.choices[0]) for field in fields]  # type: ignore[union-attr] # all have one


@pytest.mark.parametrize("name", names())
def test_the_readme_names_every_setting(name: str) -> None:
    group, _, last = name.rpartition("_")
    assert name in README or (f"{group}_" in README and f"`_{last}`" in README)
