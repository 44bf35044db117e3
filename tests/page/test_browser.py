"""The fixtures of these tests find what they have to find."""

import pytest
from playwright.sync_api import Page, expect

from shared.services import Services
from tests.page.conftest import OpenPage
from tests.support.browser import Faults
from tests.support.client import Client
from tests.support.making import make_account


def test_a_page_is_signed_in_once_a_tab(page: Page, client: Client, service: Services) -> None:
    kept = "sessionStorage.getItem('fluximage-key')"
    assert page.evaluate(kept) == client.key
    _, another = make_account(service)
    page.evaluate(f"sessionStorage.setItem('fluximage-key', '{another}')")
    page.reload()
    assert page.evaluate(kept) == another


def test_a_page_without_a_key_is_not_signed_in(open_page: OpenPage) -> None:
    page = open_page()
    assert page.evaluate("sessionStorage.length") == 0
    expect(page).to_have_title("fluximage")


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("console.error('a sentence')", "console: a sentence"),
        ("setTimeout(() => { throw new Error('thrown'); })", "uncaught: thrown"),
        ("Promise.reject(new Error('rejected'))", "uncaught: rejected"),
        ("document.body.innerHTML = 'x'", "CSP: require-trusted-types-for"),
        ("document.body.setAttribute('style', 'margin: 0')", "CSP: style-src-attr"),
        ("fetch('http://127.0.0.2:9/').catch(() => null)", "CSP: connect-src"),
        ("fetch('/api/usage')", "status of 401"),
        ("open('http://127.0.0.2:9/')", "asks a stranger: http://127.0.0.2:9/"),
    ],
)
def test_a_fault_of_a_page_is_seen(page: Page, faults: Faults, script: str, fault: str) -> None:
    # In a task of its own, for an error in an evaluated script would be the caller's.
    page.evaluate(f"void setTimeout(() => {{ {script} }})")
    for _ in range(100):
        if any(fault in found for found in faults.found):
            break
        page.wait_for_timeout(20)
    assert any(fault in found for found in faults.found), faults.found
    faults.allow("")
