"""What a person waits for on the page.

The time from the last stroke to the answer, and the bytes of the first visit. All parts run on this machine
as `make run` starts them; Chromium draws. Run: python -m benchmarks.page
"""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from tqdm import tqdm

from benchmarks.results import Lines, Result, Table, UnavailableError, command
from infrastructure.local.settings import Settings
from infrastructure.local.stack import Stack
from tests.browser.conftest import CHROMIUM_FLAGS, DESKTOP, chromium_path
from tests.browser.gestures import FOUR, SEVEN, ZERO, draw, visit

# From the last lift of the pen to the answer's words, both as the page itself sees them.
CLOCK = """
() => {
    window.answered = new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error("no answer in 30 s")), 30_000);
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
DRAWINGS, QUICK_DRAWINGS = 50, 30


def run(*, quick: bool) -> Result:
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Settings.on_free_ports(Path(folder))) as stack,
        _page() as page,
    ):
        transferred = _first_visit(page, stack.settings.page_url)
        waits = sorted(_waits(page, QUICK_DRAWINGS if quick else DRAWINGS))
        chromium = page.context.browser.version if page.context.browser else "?"
    return Result([table(transferred, waits)], [waiting(waits)], {"Chromium": chromium})


def table(transferred: int, waits: Sequence[float]) -> Table:
    """Show the bytes of the first visit, and of milliseconds in order what is usual and what is rare."""
    rows = [
        ("first visit transfers", f"{transferred / 1000:.1f} kB"),
        ("last stroke to answer, median", f"{statistics.median(waits):.0f} ms"),
        ("last stroke to answer, 95th percentile", f"{waits[int(0.95 * len(waits))]:.0f} ms"),
        ("drawings", f"{len(waits)}"),
    ]
    return Table("What a person waits for", ("", "figure"), rows)


def waiting(waits: Sequence[float]) -> Lines:
    shares = [(wait, 100 * (number + 1) / len(waits)) for number, wait in enumerate(waits)]
    return Lines("Answers within a time", "ms after the last stroke", "% of drawings", {"Legible": shares})


@contextmanager
def _page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        yield browser.new_page(**DESKTOP)
        browser.close()


def chromium() -> str:
    try:
        return chromium_path()
    except FileNotFoundError as missing:
        raise UnavailableError(str(missing)) from None


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
    for number in tqdm(range(drawings), "drawing", leave=False):
        page.evaluate(CLOCK)
        draw(page, (SEVEN, ZERO, FOUR)[number % 3])
        waits.append(page.evaluate("window.answered"))
        page.get_by_role("button", name="Clear").click()
    return waits


if __name__ == "__main__":
    command("python -m benchmarks.page", __doc__, run)
