"""What a stop has ended, as the rows count it."""

from typing import Any

from playwright.sync_api import Page

from tests.page.modules import blank

__all__ = ["blank"]  # a fixture

COUNT = """async (elements) => {
  const { addImage, totals } = await import("/page/result.js");
  for (const element of elements) addImage({ batch_id: "b", path: "", warnings: [], ...element });
  const { state } = await import("/page/store.js");
  return { ...totals(), rows: [...state.rows.keys()] };
}"""
STOPPED = {"error": "cancelled", "message": "The session was cancelled"}
MADE = {"original_size": 10, "compressed_size": 5}


def count(blank: Page, *elements: dict[str, Any]) -> dict[str, Any]:
    """The totals, and the ids of the rows, when these have ended."""
    counted: dict[str, Any] = blank.evaluate(COUNT, elements)
    return counted


def test_an_image_that_was_stopped_has_not_failed_and_not_ended(blank: Page) -> None:
    sums = count(blank, {"id": "1", "original_name": "a.png", **STOPPED})
    assert (sums["stopped"], sums["failed"], sums["ended"]) == (1, 0, 0)


def test_an_image_that_was_stopped_and_made_later_is_one_row(blank: Page) -> None:
    sums = count(
        blank,
        {"id": "1", "original_name": "a.png", **STOPPED},
        {"id": "2", "original_name": "b.png", **STOPPED},
        {"id": "3", "original_name": "a.png", **MADE},
    )
    assert sums["rows"] == ["2", "3"]
    assert (sums["stopped"], sums["done"]) == (1, 1)
