"""What a person does first on the page, what a hand does on the pad, and waiting for what comes of it."""

import time
from collections.abc import Callable
from itertools import pairwise

from playwright.sync_api import Locator, Page, Route

from tests.waiting import PATIENCE_SECONDS

Path = list[tuple[float, float]]  # points as shares of the pad's side

SEVEN: list[Path] = [[(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]]
ZERO: list[Path] = [
    [
        (0.5, 0.2),
        (0.36, 0.3),
        (0.32, 0.5),
        (0.36, 0.7),
        (0.5, 0.8),
        (0.64, 0.7),
        (0.68, 0.5),
        (0.64, 0.3),
        (0.5, 0.2),
    ]
]
FOUR: list[Path] = [[(0.35, 0.2), (0.3, 0.5), (0.7, 0.5)], [(0.62, 0.25), (0.6, 0.8)]]


def visit(page: Page, address: str) -> None:
    """Open the page and wait until it takes input.

    It is connected when it shows a view, and Chromium drops what comes before the first paint.
    """
    page.goto(address)
    page.locator("main > section").filter(visible=True).wait_for()
    page.evaluate(
        """new Promise((painted) => {
            new PerformanceObserver(() => painted()).observe({ type: "paint", buffered: true });
        })"""
    )


def wait_until_sent(page: Page, condition: Callable[[], object]) -> None:
    """Wait for the page's requests in the browser, which is what lets them come here meanwhile."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        page.evaluate("new Promise(requestAnimationFrame)")


def draw(page: Page, strokes: list[Path]) -> None:
    """Draw with the mouse; the pad makes a curve of it."""
    page.locator("canvas").wait_for()
    box = page.locator("canvas").bounding_box()
    assert box is not None
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for (x0, y0), (x1, y1) in pairwise(places):
            page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
            page.mouse.move(x1, y1)
        page.mouse.up()


def second_click(page: Page, target: Locator) -> None:
    """Click as the second time of a double click, of which the first brought the target there."""
    target.hover()
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)


def hold(page: Page, url: str, method: str) -> list[Route]:
    """Let requests of a kind wait; return where they do."""
    held: list[Route] = []
    page.route(url, lambda route: held.append(route) if route.request.method == method else route.fallback())
    return held


def asks_before_leaving(page: Page) -> bool:
    asks: bool = page.evaluate("!dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    return asks
