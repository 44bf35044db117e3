"""How soon after a drop the page shows the first row, on a running `fluximage up`.

    python -m infra.benchmarks.first_row URL KEY .fluximage/logs/worker.log FOLDER

Drops each photograph of the folder alone, then all of them, five times each, and prints a JSON line
of the best run: milliseconds from the drop to the beginning of the first request, to its answer, to
the worker's end and to the row. `step` is what the worker took, `over` the row's without it.
"""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from infra.dev.browser import NO_BROWSER, find_browser, launch

_REPEATS = 5
_FIRST_ROW = """
addEventListener("drop", () => { window.droppedAt = performance.now(); }, true);
new MutationObserver(() => {
  if (window.rowAt === undefined && document.querySelector("#rows li")) {
    window.rowAt = performance.now();
  }
}).observe(document, { childList: true, subtree: true });
"""
_TIMES = """() => {
  const [request] = performance.getEntriesByType("resource")
    .filter(({ name, responseEnd }) => name.endsWith("/api/compress") && responseEnd);
  const at = (time) => time - window.droppedAt;
  return {
    request: at(request.startTime), answer: at(request.responseEnd), row: at(window.rowAt),
    droppedAt: performance.timeOrigin + window.droppedAt,
    session: decodeURIComponent(location.hash.split("=").at(-1)),
  };
}"""


def main(url: str, key: str, worker_log: Path, folder: Path) -> None:
    """Prints the figures of the photographs of that folder."""
    photos = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png", ".webp"))
    executable = find_browser()
    if executable is None:
        sys.exit(f"There is {NO_BROWSER}")
    with sync_playwright() as playwright:
        browser = launch(playwright, executable)
        for dropped in [*([photo] for photo in photos), photos]:
            runs = [_first_row(browser, url, key, worker_log, dropped) for _ in range(_REPEATS)]
            best = min(runs, key=lambda run: run["over"])
            name = dropped[0].name if len(dropped) == 1 else f"all {len(dropped)}"
            print(json.dumps({"dropped": name} | best))
        browser.close()


def _first_row(
    browser: Browser, url: str, key: str, worker_log: Path, photos: list[Path]
) -> dict[str, int]:
    context = browser.new_context()
    context.add_init_script(_FIRST_ROW)
    context.add_init_script(f"sessionStorage.setItem('fluximage-key', '{key}')")
    page = context.new_page()
    page.goto(url)
    page.locator("#drop").wait_for()  # it is signed in
    _drop(page, photos)
    page.locator("#rows li").first.wait_for(timeout=60_000)
    page.wait_for_timeout(300)  # for the log
    times: dict[str, Any] = page.evaluate(_TIMES)
    context.close()
    lines = [json.loads(line) for line in worker_log.read_text().splitlines() if "{" in line]
    step = next(line for line in lines if line.get("session") == times["session"])
    ended = datetime.fromisoformat(step["time"]).timestamp() * 1000 - times["droppedAt"]
    taken = sum(step["seconds"].values()) * 1000
    return {
        "request": round(times["request"]),
        "answer": round(times["answer"]),
        "ended": round(ended),
        "row": round(times["row"]),
        "step": round(taken),
        "over": round(times["row"] - taken),
    }


def _drop(page: Page, photos: list[Path]) -> None:
    devtools = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path.resolve()) for path in photos], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 50, "y": 50, "data": data})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
