"""Names of results: the template of --name."""

from pathlib import PurePosixPath as Path

import click
import pytest

from fluximage.command.naming import Template, TemplateType


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{dir}/{stem}.{ext}", "shoes/red/01.webp"),
        ("{dir}/{stem}-{width}.{ext}", "shoes/red/01-800.webp"),
        ("{format}/{stem}-{width}x{height}.{ext}", "webp/01-800x600.webp"),
        ("{stem}/{{x}}.{ext}", "01/{x}.webp"),
    ],
)
def test_a_template_makes_a_name(template: str, name: str) -> None:
    made = TemplateType().convert(template, None, None)
    assert made.render(Path("shoes/red/01.jpg"), "webp", width=800, height=600) == Path(name)


def test_a_file_at_the_top_has_no_folder() -> None:
    assert Template().render(Path("01.jpg"), "webp") == Path("01.webp")


@pytest.mark.parametrize(
    "template",
    [
        "{stem", "{name}", "{}", "{stem!r}", "{width:0>9}", "{stem.__class__}", "{stem[0]}",
        "../{stem}", "/tmp/{stem}", "{dir}/../{stem}", "same.webp", "", "{stem}\0", "{stem}/..",
    ],
)  # fmt: skip
def test_a_bad_template_is_told_at_once(template: str) -> None:
    with pytest.raises(click.BadParameter):
        TemplateType().convert(template, None, None)


def test_a_name_from_the_service_stays_below_the_folder() -> None:
    template = Template()
    assert template.render(Path("a.jpg"), "webp", stem="../../etc/x") == Path("..-..-etc-x.webp")
    with pytest.raises(ValueError, match="not below"):
        Template("{stem}").render(Path("a.jpg"), "webp", stem="..")


def test_a_name_that_no_disk_takes_is_told() -> None:
    with pytest.raises(ValueError, match="255 bytes"):
        Template("{stem}-{width}.{ext}").render(Path(f"{'é' * 125}.jpg"), "webp", width=1600)
