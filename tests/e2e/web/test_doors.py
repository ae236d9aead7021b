"""Who is let in, what is not told to strangers, and that what is stored runs nowhere."""

import json
import time
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Response, expect

from storage import keys
from tests.support.browser import DESK, Pages, axe_findings
from tests.support.buckets import ASTRONAUT, HOPPER
from tests.support.local_stack import LocalStack, local_stack
from tests.support.s3_servers import plain_client
from tests.support.swap_page import SwapPage, Words

_TOKEN = "correct horse"  # noqa: S105 - of a service that lives for this test
# A GIF to whoever looks at its first bytes, and a script or a page to whoever does not.
_POLYGLOT = (
    b"GIF89a/*\x01\x00\x00\xff\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x00;"
    b"*/=1;window.ran=true;//<script>window.ran=true</script>"
)
_AS_SCRIPT = """url => new Promise(resolve => {
    const script = document.createElement("script");
    script.onload = script.onerror = () => resolve(window.ran === true);
    script.src = url;
    document.head.append(script);
})"""


@pytest.fixture
def guarded(
    stack: LocalStack,  # noqa: ARG001 - has built the page
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LocalStack]:
    """A stack that wants a token."""
    data = tmp_path_factory.mktemp("guarded")
    with local_stack(data, "--built", "--var", f"API_TOKEN:{_TOKEN}") as started:
        yield started


def test_the_page_asks_for_the_token_and_then_works_with_its_streams(
    guarded: LocalStack, browser: Browser
) -> None:
    pages = Pages(browser, guarded.url)
    pages.forgive("status of 401")
    site = SwapPage(page=pages.open(**DESK), words=Words("en"))
    streams: list[int] = []

    def note(answer: Response) -> None:
        if answer.url.endswith("/events"):
            streams.append(answer.status)

    site.page.on("response", note)
    site.button("composer.samples.try").click()
    token = site.page.get_by_label(site.words("common.token.label"), exact=True)
    token.fill("a guess")
    site.button("common.token.go").click()
    expect(site.says("common.token.wrong")).to_be_visible()
    assert axe_findings(site.page) == []
    token.fill(_TOKEN)
    site.button("common.token.go").click()
    expect(token).to_have_count(0)
    expect(site.found(1)).to_be_visible()
    site.start()
    card = site.card("grace-hopper.jpg")
    expect(card.says("jobs.done.all", count=1)).to_be_visible()
    expect(card.at.get_by_role("img", name=site.words.like("jobs.done.picture_after"))).to_be_visible()
    assert streams == [200]
    (cookie,) = site.page.context.cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
    assert requests.get(card.download.evaluate("link => link.href"), timeout=10).status_code == 401
    pages.close()


def drop(stack: LocalStack, job_id: str) -> None:
    """Put a job straight into the bucket, as other programs do."""
    client, bucket = plain_client(stack.bucket), stack.bucket.bucket
    for name, body in (("source.png", ASTRONAUT), ("target.jpg", HOPPER)):
        client.put_object(Bucket=bucket, Key=f"uploads/{name}", Body=body)
    files = {"source": "uploads/source.png", "target": "uploads/target.jpg"}
    manifest = {"version": 1, "job_id": job_id, "process_type": "single-image", **files}
    client.put_object(Bucket=bucket, Key=keys.manifest(job_id), Body=json.dumps(manifest).encode())


def wait_for_result(stack: LocalStack, job_id: str) -> None:
    """Wait until the consumer has done a job; the test's own timeout ends it otherwise."""
    client = plain_client(stack.bucket)
    below = {"Bucket": stack.bucket.bucket, "Prefix": f"{keys.RESULTS}{job_id}/"}
    while not client.list_objects_v2(**below)["KeyCount"]:
        time.sleep(0.2)


def test_a_result_under_an_id_that_can_be_guessed_is_told_to_nobody(
    site: SwapPage, pages: Pages, stack: LocalStack
) -> None:
    drop(stack, "order-1042")
    wait_for_result(stack, "order-1042")
    pages.forgive("status of 404")
    for path in ("status/order-1042", "status/order-1042/events", "download/order-1042.jpg"):
        assert requests.get(f"{stack.url}/api/{path}", timeout=10).status_code == 404, path
    assert requests.post(f"{stack.url}/api/cancel/order-1042", timeout=10).status_code == 404
    site.page.goto("/?job=order-1042")
    expect(site.says("jobs.deleted.unknown")).to_be_visible()


def test_a_picture_that_is_also_a_page_and_a_script_runs_nothing(site: SwapPage, pages: Pages) -> None:
    stored = site.page.request.put("/api/uploads", data=_POLYGLOT, headers={"X-File-Name": "cat.html"})
    address = stored.json()["data"]["url"]
    with site.page.expect_download() as download:
        site.page.evaluate("url => { location.href = url }", address)
    assert download.value.suggested_filename == "cat.gif"
    pages.forgive("MIME type")
    assert not site.page.evaluate(_AS_SCRIPT, address)
