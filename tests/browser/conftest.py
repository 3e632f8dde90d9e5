"""Chromium, the page on a loopback port, and the API double behind it."""

import functools
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from infrastructure.local.settings import ROOT
from tests.browser.api_double import ApiDouble

# The shell, which has no window of its own to draw, takes half of the processor's time for the same page.
CHROMIUM_NAMES = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.localhost.localstack.cloud 127.0.0.1",  # where LocalStack serves websites
]
WAIT_MS = 15_000  # for what takes a tenth of a second on a machine that does nothing else
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 375, "height": 812},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
on_both_screens = pytest.mark.parametrize(
    "device",
    [{**DESKTOP, "color_scheme": "light"}, {**PHONE, "color_scheme": "dark"}],
    ids=["desktop, light", "phone, dark"],
)


class QuietHandler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # one connection for many files

    def log_message(self, *_: object) -> None:
        pass


def chromium_path() -> str:
    path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        raise FileNotFoundError("Chromium is needed. On Debian: apt-get install chromium-headless-shell")
    return path


@pytest.fixture(scope="module")  # no longer: its event loop would run under other tests of this process
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Serve `static_site/` as it lies there, as S3 does; return its address."""
    handler = functools.partial(QuietHandler, directory=ROOT / "static_site")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def api() -> ApiDouble:
    return ApiDouble()


@pytest.fixture
def device() -> dict[str, Any]:
    """Return what the page is shown on; a test that needs another overrides it by `parametrize`."""
    return DESKTOP


@pytest.fixture
def page(chromium: Browser, site: str, device: dict[str, Any]) -> Iterator[Page]:
    """Open a fresh profile. Whatever the page logs as an error, or throws, fails the test."""
    context = chromium.new_context(base_url=site, **device)
    context.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if _is_fault(message, site) else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def _is_fault(message: ConsoleMessage, site: str) -> bool:
    """Tell errors of the page from the browser's note on an answer of the API that a test asked for."""
    is_note = message.text.startswith("Failed to load resource") and not message.location["url"].startswith(
        site
    )
    return message.type == "error" and not is_note
