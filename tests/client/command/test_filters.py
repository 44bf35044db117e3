"""Which files are taken: globs and dates."""

from pathlib import PurePosixPath as Path

import click
import pytest

from fluximage.command.filters import Filters, Pattern, Since


@pytest.mark.parametrize(
    ("pattern", "path", "taken"),
    [
        ("*.jpg", "a.jpg", True),
        ("*.jpg", "deep/down/A.JPG", True),
        ("*.jpg", "a.png", False),
        ("shoes", "shoes/red/a.jpg", True),
        ("shoes/", "hats/a.jpg", False),
        ("shoes/*", "shoes/a.jpg", True),
        ("shoes/*.jpg", "shoes/red/a.jpg", False),
        ("shoes/**", "shoes/red/a.jpg", True),
        ("**/red/*.jpg", "red/a.jpg", True),
        ("**/red/*.jpg", "shoes/red/a.jpg", True),
        ("./shoes/**", "shoes/a.jpg", True),
        ("a[12].jpg", "a2.jpg", True),
        ("a[!12].jpg", "a2.jpg", False),
        ("a[^].jpg", "a^.jpg", True),
        ("a+(1).jpg", "a+(1).jpg", True),
        ("?.jpg", "ab.jpg", False),
    ],
)
def test_a_pattern_takes_what_it_names(pattern: str, path: str, taken: bool) -> None:
    assert Filters(include=(pattern,)).takes(Path(path), 0) is taken
    assert Filters(exclude=(pattern,)).takes(Path(path), 0) is not taken


def test_an_excluded_folder_is_not_entered() -> None:
    assert not Filters(exclude=("drafts/",)).enters(Path("photos/drafts"))
    assert Filters(include=("*.jpg",)).enters(Path("photos"))


@pytest.mark.parametrize("pattern", ["[z-a]", "", "/"])
def test_a_pattern_that_cannot_match_is_refused(pattern: str) -> None:
    with pytest.raises(click.BadParameter, match=r"'\*\.jpg'"):
        Pattern().convert(pattern, None, None)


@pytest.mark.parametrize(
    ("older", "newer"), [("3d", "1h"), ("2020-01-01", "2020-01-02T12:00"), ("2w", "8d")]
)
def test_newer_than_takes_an_age_or_a_date(older: str, newer: str) -> None:
    since = Since().convert(older, None, None)
    moment = Since().convert(newer, None, None)
    assert Filters(newer_than=since).takes(Path("a.jpg"), moment.timestamp())
    assert not Filters(newer_than=moment).takes(Path("a.jpg"), since.timestamp())


@pytest.mark.parametrize("text", ["2 days", "yesterday", "2026-13-01", "999999w", ""])
def test_an_age_that_is_none_says_what_to_write(text: str) -> None:
    with pytest.raises(click.BadParameter, match="2d or 1w, or 2026-11-01"):
        Since().convert(text, None, None)
