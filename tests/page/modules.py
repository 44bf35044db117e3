"""Modules of the page by themselves: on a page of the service that shows nothing."""

from pathlib import Path

import pytest
from playwright.sync_api import JSHandle, Page

from tests.page.conftest import OpenPage
from tests.support.browser import Faults
from tests.support.client import Client

BLANK = "page/words.js"  # of its origin; a text


@pytest.fixture
def blank(open_page: OpenPage, client: Client, faults: Faults) -> Page:
    """A page that is signed in and does nothing by itself."""
    faults.allow("favicon")  # which browsers look for where no page names one
    return open_page(client.key, fragment=BLANK, bypass_csp=True)  # a text may load no module


def picked(page: Page, files: list[Path], *, folder: bool = False) -> JSHandle:
    """The FileList of an input whose chooser gave those files, or that folder."""
    element = page.evaluate_handle(
        """(folder) => {
          const input = document.createElement("input");
          Object.assign(input, { type: "file", multiple: true, webkitdirectory: folder });
          return document.body.appendChild(input);
        }""",
        folder,
    ).as_element()
    assert element is not None
    element.set_input_files(files[0] if folder else files)
    return element.evaluate_handle("(input) => input.files")
