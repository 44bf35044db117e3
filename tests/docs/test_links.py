"""Links within the documentation lead somewhere, and every page is led to."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.blocks import PAGES
from tests.support.paths import ROOT


def _prose(page: Path) -> str:
    return re.sub(r"(?ms)^```.*?^```$", "", page.read_text())


def _links(page: Path) -> Iterator[tuple[Path, str]]:
    """File and anchor of each link that leaves for no other site."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        if "://" not in target:
            file, _, anchor = target.partition("#")
            yield (page.parent / file).resolve() if file else page, anchor


def _anchors(page: Path) -> set[str]:
    """The anchors of the page's headings, as GitHub makes them."""
    titles = re.findall(r"(?m)^#+ (.*)$", _prose(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_link_leads_to_a_file_and_a_heading() -> None:
    for page in PAGES:
        for file, anchor in _links(page):
            assert file.exists(), f"{page.name}: {file}"
            assert not anchor or anchor in _anchors(file), f"{page.name}: {file.name}#{anchor}"


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {file for file, _ in _links(ROOT / "README.md")}
    assert set(PAGES) - linked == {ROOT / "README.md"}
