"""The page as S3 hosts it, with the API that `chalice deploy` deployed: LocalStack, nothing rebuilt."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from infrastructure.aws import site as hosted
from tests.browser.conftest import on_both_screens
from tests.browser.gestures import SEVEN, draw, visit
from tests.localstack.deployment import SITE_BUCKET, Deployment


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Deploy the API, and upload the page as a deployment does."""
    with Deployment(tmp_path_factory.mktemp("website")) as deployment:
        s3 = deployment.client("s3")
        s3.create_bucket(Bucket=SITE_BUCKET)
        s3.put_bucket_website(
            Bucket=SITE_BUCKET, WebsiteConfiguration={"IndexDocument": {"Suffix": hosted.ENTRY}}
        )
        hosted.upload(s3, SITE_BUCKET, api=deployment.api_url)
        yield deployment


@on_both_screens
def test_a_digit_is_drawn_read_labelled_and_listed(page: Page, deployment: Deployment) -> None:
    visit(page, deployment.page_origin)
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    page.get_by_role("button", name="7,").click()
    expect(page.get_by_text("1 of the 1 image you labelled was read correctly.")).to_be_visible()
    page.get_by_role("link", name="Handwriting").click()
    expect(page.get_by_role("button", name="7, read correctly")).to_have_count(1)


def test_files_come_with_their_types_and_the_configuration_is_never_cached(
    page: Page, deployment: Deployment
) -> None:
    headers: dict[str, dict[str, str]] = {}
    page.on("response", lambda answer: headers.update({answer.url.rpartition("/")[2]: answer.headers}))
    visit(page, deployment.page_origin)
    assert "javascript" in headers["app.js"]["content-type"]
    assert headers["config.json"]["content-type"] == "application/json"
    # What S3 would send: LocalStack's website leaves the header out.
    stored = deployment.client("s3").head_object(Bucket=SITE_BUCKET, Key="config.json")
    assert stored["CacheControl"] == "no-cache"
