"""A look at a deployed stage as a person has it: through the page's address, one image all the way."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urljoin

import urllib3

from infrastructure.aws.errors import DeploymentError
from infrastructure.local.samples import Person, Sample, Sent
from infrastructure.local.settings import LocalError

ATTEMPTS = 6
PAUSE_SECONDS = 10.0  # a new name, role or function is not known everywhere at once
SAMPLE = "mnist-2.png"  # a 0, the digit that careless code takes for nothing


def try_out(page: str, run_job: Callable[[], None], wait: Callable[[float], None] = time.sleep) -> str:
    """Classify, label, count and delete an image; return what came of it.

    `page` is the page's address, without a slash at its end. Raises DeploymentError on the first thing that
    is not as it should be.
    """
    try:
        with _visitor(page) as visitor:
            sent = visitor.send(wait)
            visitor.see_it_counted(run_job)
    except (LocalError, urllib3.exceptions.HTTPError) as error:
        raise DeploymentError(f"{page} does not work: {error}") from error
    return f"a {sent.sample.true} was read as {sent.record['predicted']}, labelled, counted and deleted"


@contextmanager
def _visitor(page: str) -> Iterator["Visitor"]:
    """Yield somebody who deletes what they sent whatever came of it, for nobody else can."""
    visitor = Visitor(page)
    try:
        yield visitor
    except BaseException:
        with suppress(LocalError, urllib3.exceptions.HTTPError):  # what is to be told has happened before
            visitor.delete_all()
        raise
    visitor.delete_all()


class Visitor:
    """Somebody who opens the page for the first time."""

    def __init__(self, page: str) -> None:
        self._page = page
        self._token = secrets.token_urlsafe(32)
        self._pool = urllib3.PoolManager(retries=False, timeout=30.0)

    def send(self, wait: Callable[[float], None]) -> Sent:
        """Send and label an image; wait a while for a stage that has just come to life."""
        (sample,) = (sample for sample in Sample.all() if sample.path.name == SAMPLE)
        for _ in range(ATTEMPTS - 1):
            try:
                return self._send(sample)
            except (LocalError, urllib3.exceptions.HTTPError):
                wait(PAUSE_SECONDS)
        return self._send(sample)

    def see_it_counted(self, run_job: Callable[[], None]) -> None:
        legibility = self._ask("GET", f"{self._api}/legibility").json()
        if legibility["labelled"] != 1:
            raise LocalError(f"one image was labelled, but GET /legibility counts {legibility['labelled']}")
        before = self._last_report()
        run_job()
        report = self._person.accuracy()
        if report["made"] == before or report["pairs"] < 1:
            raise LocalError("one image was labelled, but no new report counts it")

    def _last_report(self) -> str | None:
        """Return when the latest report was made; None before the first."""
        if self._pool.request("GET", f"{self._api}/accuracy").status == 404:
            return None
        return str(self._person.accuracy()["made"])

    def delete_all(self) -> None:
        for record in list(self._person.records()):
            self._ask("DELETE", f"{self._api}/classifications/{record['id']}")

    def _send(self, sample: Sample) -> Sent:
        (sent,) = self._person.send([sample])
        return sent

    @property
    def _person(self) -> Person:
        return Person(self._api, self._token)

    @property
    def _api(self) -> str:
        """Return the API's address, as the page finds it."""
        page = self._ask("GET", f"{self._page}/")
        if "text/html" not in page.headers.get("Content-Type", ""):
            raise LocalError("what is at the page's address is no HTML")
        api: str = self._ask("GET", f"{self._page}/config.json").json()["api"]
        return urljoin(f"{self._page}/", api)

    def _ask(self, method: str, url: str) -> urllib3.BaseHTTPResponse:
        answer = self._pool.request(method, url, headers={"Authorization": f"Bearer {self._token}"})
        if answer.status >= 300:
            raise LocalError(f"{method} {url} was answered with {answer.status}: {answer.data[:300]!r}")
        return answer
