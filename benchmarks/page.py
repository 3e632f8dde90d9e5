"""What a person waits for on the page: the answer after the last stroke, and what the first visit transfers.

All parts run on this machine as `make run` starts them; Chromium draws. Run: python -m benchmarks.page
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.progress import track
from rich.table import Table

from infrastructure.local.settings import Settings
from infrastructure.local.stack import Stack
from tests.browser.conftest import CHROMIUM_FLAGS, DESKTOP, chromium_path
from tests.browser.gestures import FOUR, SEVEN, ZERO, draw, visit

# From the last lift of the pen to the answer's words, both as the page itself sees them.
CLOCK = """
() => {
    window.answered = new Promise((resolve) => {
        const end = new AbortController();
        let lifted = null;
        const lift = () => { lifted = performance.now(); };
        addEventListener("pointerup", lift, { capture: true, signal: end.signal });
        const answer = document.querySelector("#write .answer");
        const observer = new MutationObserver(() => {
            if (lifted === null || answer.matches(".waiting")) return;
            if (!/Read as|Not sure|not look like/.test(answer.innerText)) return;
            observer.disconnect();
            end.abort();
            resolve(performance.now() - lifted);
        });
        observer.observe(answer, { subtree: true, childList: true, characterData: true, attributes: true });
    });
}
"""


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--drawings", type=int, default=50, help="how many digits are drawn (%(default)s)")
    drawings = parser.parse_args().drawings
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Settings.on_free_ports(Path(folder))) as stack,
        _page() as page,
    ):
        transferred = _first_visit(page, stack.settings.page_url)
        waits = sorted(_waits(page, drawings))
    table = Table("what", "figure")
    table.add_row("first visit transfers", f"{transferred / 1000:.1f} kB")
    table.add_row("last stroke to answer, median", f"{statistics.median(waits):.0f} ms")
    table.add_row("last stroke to answer, 95th percentile", f"{waits[int(0.95 * len(waits))]:.0f} ms")
    table.add_row("drawings", f"{len(waits)}")
    Console().print(table)


@contextmanager
def _page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        yield browser.new_page(**DESKTOP)
        browser.close()


def _first_visit(page: Page, address: str) -> int:
    """Open the page; return the bytes that came over the wire, headers included."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    received: list[int] = []
    network.on("Network.loadingFinished", lambda event: received.append(int(event["encodedDataLength"])))
    visit(page, address)
    page.wait_for_load_state("networkidle")
    return sum(received)


def _waits(page: Page, drawings: int) -> list[float]:
    """Draw digits, each on a cleared pad; return milliseconds."""
    waits: list[float] = []
    for number in track(range(drawings), "drawing"):
        page.evaluate(CLOCK)
        draw(page, (SEVEN, ZERO, FOUR)[number % 3])
        waits.append(page.evaluate("window.answered"))
        page.get_by_role("button", name="Clear").click()
    return waits


if __name__ == "__main__":
    main()
