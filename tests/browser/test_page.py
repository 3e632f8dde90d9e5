"""What holds for the whole page: light, safe, for everyone."""

import gzip
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FileChooser, FilePayload, Page, Response, Route, expect

from infrastructure.aws import site as hosted
from infrastructure.aws import templates
from infrastructure.local.settings import ROOT
from tests.browser.api_double import ApiDouble, answer, drawing, report_of
from tests.browser.conftest import DESKTOP, on_both_screens
from tests.browser.gestures import FOUR, asks_before_leaving, draw, visit, wait_until_sent

SITE = ROOT / "static_site"
FIRST_LOAD_BYTES = 50_000  # of bodies: their headers are 10,000 more, and 60,000 are promised
VIEWS = {
    "write": "The answer appears here when you pause.",
    "handwriting": "What would help",
    "model": "Day by day",
    "data": "My key",
}


@pytest.fixture
def used_api(page: Page, api: ApiDouble) -> ApiDouble:
    api.connect(page)
    for predicted in (0, 4, 9):
        api.add(predicted, true=4)
    api.report = report_of(
        [[9 if row == column else (row + column) % 3 for column in range(10)] for row in range(10)]
    )
    return api


def violations(page: Page) -> list[str]:
    """Return what axe-core finds, by rule and element."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


@on_both_screens
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_in_a_view(page: Page, used_api: ApiDouble, view: str) -> None:
    page.goto(f"/#{view}")
    expect(page.get_by_text(VIEWS[view]).filter(visible=True).first).to_be_visible()
    assert violations(page) == []


@on_both_screens
def test_axe_finds_nothing_in_an_answer_nor_in_an_opened_image(page: Page, used_api: ApiDouble) -> None:
    page.goto("/")
    draw(page, FOUR)
    page.get_by_role("button", name="7, 97.0%").click()
    expect(page.get_by_text("you labelled were")).to_be_visible()
    page.evaluate("Promise.all(document.getAnimations().map(each => each.finished))")
    assert violations(page) == []
    page.get_by_role("link", name="Handwriting").click()
    page.locator(".gallery button").first.click()
    expect(page.get_by_role("dialog").get_by_text("Read as a 7.")).to_be_visible()
    page.evaluate("Promise.all(document.getAnimations().map(each => each.finished))")
    assert violations(page) == []


def test_the_first_load_is_light(page: Page, used_api: ApiDouble, site: str) -> None:
    """All files of the first load together, compressed as CloudFront does."""
    loaded: dict[str, bytes] = {}

    def keep(response: Response) -> None:
        if response.url.startswith(site):
            loaded[response.url] = response.body()

    page.on("response", keep)
    page.goto("/", wait_until="networkidle")
    assert f"{site}/app.js" in loaded
    assert sum(len(gzip.compress(body)) for body in loaded.values()) < FIRST_LOAD_BYTES


def test_nothing_is_asked_of_a_third_party(page: Page, used_api: ApiDouble, site: str) -> None:
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(re.sub(r"^(\w+:(?://[^/]*)?).*", r"\1", request.url)))
    for view in VIEWS:
        page.goto(f"/#{view}", wait_until="networkidle")
    assert hosts <= {site, "http://127.0.0.1:8001", "blob:", "data:"}


def test_the_policy_allows_no_inline_script_or_style(page: Page, used_api: ApiDouble) -> None:
    page.goto("/")
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content") or ""
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    prober = page.context.new_page()  # whose errors are wanted
    prober.goto("/")
    blocked = prober.evaluate(
        """() => new Promise((resolve) => {
            document.addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective));
            const script = Object.assign(document.createElement("script"), { textContent: "1" });
            document.body.append(script);
        })"""
    )
    assert blocked == "script-src-elem"


def test_every_module_is_preloaded_so_that_none_waits_for_another() -> None:
    index = (SITE / "index.html").read_text()
    preloaded = re.findall(r'rel="modulepreload" href="([^"]+)"', index)
    assert sorted(preloaded) == sorted(file.name for file in SITE.glob("*.js"))


def test_the_keyboard_alone_brings_an_image_and_labels_it(page: Page, used_api: ApiDouble) -> None:
    used_api.usual_answer = answer(0)
    choosers: list[FileChooser] = []
    # From now on: asked for with the key, it may come too late.
    page.on("filechooser", lambda chooser: choosers.append(chooser))  # noqa: PLW0108  Playwright takes no built-in
    visit(page, "/")
    tab_until(page, "document.activeElement.matches('[data-part=files]')")
    page.keyboard.press("Space")
    wait_until_sent(page, lambda: choosers)
    choosers[0].set_files(ROOT / "samples" / "mnist-1.png")
    expect(page.get_by_text("Read as a 0.")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    tab_until(page, "document.activeElement.matches('.key:first-child')", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It was a 0, and read as one.")).to_be_visible()


def test_the_skip_link_leads_past_the_navigation(page: Page, used_api: ApiDouble) -> None:
    visit(page, "/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    expect(page.get_by_role("heading", name="Write a digit")).to_be_visible()
    assert "#" not in page.url  # where a view's name stands


def test_a_view_has_its_address_its_title_and_its_place_in_the_navigation(
    page: Page, used_api: ApiDouble
) -> None:
    page.goto("/")
    page.get_by_role("link", name="Model").click()
    expect(page).to_have_title("Model · Legible")
    expect(page.get_by_role("link", name="Model")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("main")).to_be_focused()
    page.go_back()
    expect(page.get_by_role("heading", name="Write a digit")).to_be_visible()
    expect(page).to_have_title("Legible")


def test_an_answer_is_announced(page: Page, used_api: ApiDouble) -> None:
    page.goto("/")
    draw(page, FOUR)
    expect(page.get_by_role("status").filter(has_text="Read as a 7.")).to_be_visible()


def test_an_answer_is_a_part_of_the_page_with_a_name(page: Page, used_api: ApiDouble) -> None:
    page.goto("/")
    expect(page.get_by_role("article", name="Answer")).to_be_visible()


def test_charts_are_printed_also_where_backgrounds_are_not(page: Page, used_api: ApiDouble) -> None:
    page.emulate_media(media="print")
    for view, chart in [("write", ".probability"), ("handwriting", ".dot"), ("model", ".matrix td.right")]:
        page.goto(f"/#{view}")
        shown = page.locator(f"#{view} {chart}").first
        assert shown.evaluate("each => getComputedStyle(each).printColorAdjust") == "exact"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("device", [{**DESKTOP, "reduced_motion": "reduce"}])
def test_nothing_moves_for_who_wants_no_motion(page: Page, used_api: ApiDouble) -> None:
    page.goto("/")
    durations = page.evaluate(  # in one go: an element that the page has replaced meanwhile has no style
        "[...document.querySelectorAll('*')].map((each) => getComputedStyle(each).transitionDuration)"
    )
    assert set(durations) == {"0s"}


@pytest.mark.parametrize("device", [{**DESKTOP, "forced_colors": "active"}])
def test_what_is_chosen_is_told_apart_also_in_forced_colours(page: Page, used_api: ApiDouble) -> None:
    used_api.next_answers = [answer(7)]
    visit(page, "/")
    draw(page, FOUR)
    page.get_by_role("button", name="7, 97.0%").click()
    expect(page.get_by_text("images you labelled")).to_be_visible()
    for chosen, others in [
        ("#write .key[aria-pressed=true] .numeral", "#write .key[aria-pressed=false] .numeral"),
        ("[data-part=filters] [aria-pressed=true]", "[data-part=filters] [aria-pressed=false]"),
    ]:
        if "filters" in chosen:
            page.get_by_role("link", name="Handwriting").click()
        page.locator(chosen).wait_for()
        shades = [
            page.locator(name).first.evaluate("each => getComputedStyle(each).backgroundColor")
            for name in (chosen, others)
        ]
        assert shades[0] != shades[1]


@pytest.mark.parametrize(("view", "asked"), [("handwriting", "legibility"), ("model", "accuracy")])
def test_a_view_that_takes_long_to_come_says_so(
    page: Page, used_api: ApiDouble, view: str, asked: str
) -> None:
    held: list[Route] = []
    page.route(f"**/{asked}", lambda route: held.append(route) if not held else route.fallback())
    page.goto(f"/#{view}")
    expect(page.get_by_text("Loading …").first).to_be_visible()
    wait_until_sent(page, lambda: held)
    held[0].fallback()
    expect(page.get_by_text(VIEWS[view])).to_be_visible()
    expect(page.get_by_text("Loading …")).to_have_count(0)


def test_behind_cloudfront_page_and_api_are_one_origin_under_the_policy_of_its_header(
    page: Page, used_api: ApiDouble, site: str
) -> None:
    """The same files, with the configuration and the header that a deployment to AWS gives them."""
    properties = templates.load("site")["Resources"]["PageHeaders"]["Properties"]
    headers = properties["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    policy = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]

    def with_policy(route: Route) -> None:
        route.fulfill(response=route.fetch(), headers={"Content-Security-Policy": policy})

    page.route(f"{site}/", with_policy)
    page.route("**/config.json", lambda route: route.fulfill(json={"api": hosted.API}))
    used_api.connect(page, f"{site}{hosted.API}")
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.partition("/#")[0].rpartition("/")[0]))
    page.goto(f"{site}/")
    draw(page, FOUR)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    assert f"{site}{hosted.API}" in hosts
    assert not any(host.startswith("http://127.0.0.1:8001") for host in hosts)


def test_without_its_settings_the_page_says_so(page: Page) -> None:
    page.route("**/config.json", lambda route: route.fulfill(status=200, body="<html>"), times=1)
    page.goto("/")
    expect(page.get_by_role("alert")).to_contain_text("config.json")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Write a digit")).to_be_visible()


def test_settings_that_take_long_are_said_to(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/config.json", hold)
    page.goto("/")
    loading = page.get_by_role("status").filter(has_text="Loading …")
    expect(loading).to_be_visible()
    wait_until_sent(page, lambda: held)
    held.pop().fallback()
    expect(page.get_by_role("heading", name="Write a digit")).to_be_visible()
    expect(loading).to_have_count(0)


def test_a_page_of_which_a_part_does_not_arrive_says_so_after_a_while(
    page: Page, used_api: ApiDouble
) -> None:
    broken = page.context.new_page()  # whose errors are wanted
    broken.route("**/charts.js", lambda route: route.abort())
    broken.goto("/")
    word = broken.get_by_text("The page has not loaded completely.")
    expect(word).to_be_hidden()
    broken.evaluate("document.getAnimations().forEach((each) => each.finish())")  # the while is over
    expect(word).to_be_visible()
    visit(page, "/")
    expect(page.locator(".unstarted")).to_be_hidden()
    assert page.evaluate("document.getAnimations().length") == 0


def test_text_from_outside_is_shown_as_text(page: Page, used_api: ApiDouble) -> None:
    markup = "<img src=x onerror=\"document.title='run'\">"
    used_api.faults = [("POST .*", 422, markup)]
    visit(page, "/")
    image = FilePayload(name=f"{markup}.png", mimeType="image/png", buffer=drawing(7))
    page.get_by_label("Choose images").set_input_files(image)
    expect(page.get_by_role("button", name=f"{markup}.png failed")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text(markup)
    assert used_api.report is not None
    used_api.report["models"][0]["model"] = markup
    page.get_by_role("link", name="Model").click()
    expect(page.get_by_role("rowheader", name=markup)).to_be_visible()
    assert page.locator("[onerror]").count() == 0


def test_the_settings_are_never_taken_from_the_cache(page: Page, used_api: ApiDouble) -> None:
    """The page follows a deployment to another API without a reload of the cache."""
    page.goto("/")
    expect(page.get_by_text("The answer appears here when you pause.").filter(visible=True)).to_be_visible()
    elsewhere = "http://127.0.0.1:9999"
    page.route("**/config.json", lambda route: route.fulfill(json={"api": elsewhere}))
    asked: list[str] = []

    def answer_elsewhere(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(
            status=404,
            headers={"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*, Authorization"},
            json={},
        )

    page.route(f"{elsewhere}/**", answer_elsewhere)
    page.goto("/#model")
    page.reload()
    expect(page.get_by_text("No report yet.")).to_be_visible()
    assert set(asked) == {f"{elsewhere}/accuracy"}


BLOCKED = """Object.defineProperty(window, "localStorage", {
    get() { throw new DOMException("", "SecurityError"); },
})"""
NONE = """Object.defineProperty(window, "localStorage", { value: null })"""
FULL = """Storage.prototype.setItem = () => { throw new DOMException("", "QuotaExceededError"); }"""


@pytest.mark.parametrize("script", [BLOCKED, NONE, FULL], ids=["blocked", "none", "full"])
def test_the_page_works_where_storage_takes_nothing(page: Page, used_api: ApiDouble, script: str) -> None:
    page.add_init_script(script)
    visit(page, "/")
    page.get_by_label("Use the keys 0 to 9").filter(visible=True).uncheck()
    draw(page, FOUR)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    assert asks_before_leaving(page)  # with the key all that was made with it would be lost
    page.get_by_role("link", name="Data").click()
    expect(page.get_by_text("it lasts as long as this page is open")).to_be_visible()
    page.get_by_role("textbox", name="Key").fill("A" * 43)
    page.get_by_role("button", name="Use another key").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_text("begins with AAAA. The browser does not store it")).to_be_visible()


# Every text of texts.js in brackets, as a translation would change it.
TRANSLATION = """
const marked = (text) => {
    if (typeof text === "string") return text && `⟦${text}⟧`;
    if (typeof text === "function") return (...given) => marked(text(...given));
    return Object.fromEntries(Object.entries(text).map(([name, each]) => [name, marked(each)]));
};
export const texts = marked(untranslated);
"""
# What a person or a program reads in the part of the page that is shown.
READ = """
[...document.querySelectorAll("title, #page, #page *")]
    .filter((each) => each.matches("title") || each.checkVisibility())
    .flatMap((each) => [
        ...[...each.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data),
        ...["alt", "aria-label", "title", "placeholder"].map((name) => each.getAttribute(name) ?? ""),
    ])
    .filter((text) => /\\p{L}/u.test(text))
"""


def test_every_text_comes_from_the_one_file_that_a_translation_replaces(
    page: Page, used_api: ApiDouble
) -> None:
    source = (SITE / "texts.js").read_text().replace("export const texts =", "const untranslated =")
    source = source.replace('"en-GB"', '"de"')
    page.route(
        "**/texts.js", lambda route: route.fulfill(content_type="text/javascript", body=source + TRANSLATION)
    )
    used_api.usual_answer = answer(1, confidence=0.5)
    page.goto("/")
    draw(page, FOUR)
    page.locator("#write .key").nth(4).click()
    expect(page.get_by_text("images you labelled")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    read: list[str] = page.evaluate(READ)
    for view in ("handwriting", "model", "data"):
        page.goto(f"/#{view}")
        expect(page.get_by_text(VIEWS[view]).first).to_be_visible()
        read += page.evaluate(READ)
    from_the_api = r"digits-2026\.|Your 4s are read as"
    assert len(read) > 100
    assert [text for text in read if not re.match(rf"[^\w⟦]*⟦|{from_the_api}", text)] == []


def tab_until(page: Page, condition: str, key: str = "Tab", most: int = 60) -> None:
    for _ in range(most):
        page.keyboard.press(key)
        if page.evaluate(condition):
            return
    pytest.fail(f"{most} times {key} did not lead to {condition}")
