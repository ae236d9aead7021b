"""File references: what is understood, what is refused, what is never repeated."""

import base64
import os
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import InputForbidden, InputTooLarge, InvalidManifest
from storage.inputs.references import (
    MAX_INLINE_BYTES,
    MAX_KEY_BYTES,
    BucketKey,
    Inline,
    ParsedReference,
    UploadId,
    Url,
    describe,
    parse_reference,
)

ALLOWED = ("uploads/", "results/")
FOLDER = "inbox/holiday/"
HEX_ID = "7f3c0d1e2b4a59687786a5b4c3d2e1f0"
PICTURE = bytes(range(256))


def parse(text: str) -> ParsedReference:
    return parse_reference(text, allowed_prefixes=ALLOWED, job_folder=FOLDER)


@pytest.mark.parametrize(
    "text",
    [
        f"uploads/{HEX_ID}.webp",
        f"results/job-1/1-{'a' * 24}.json",
        "inbox/holiday/target.jpg",
        "inbox/holiday/target 50%25 \\ (1).jpg",
        "uploads/Zoë at 100% - 家族.jpg",
        "uploads/..hidden",
        "uploads/" + "x" * (MAX_KEY_BYTES - 8),
    ],
)
def test_a_key_below_an_allowed_prefix_is_taken_to_the_letter(text: str) -> None:
    assert parse(text) == BucketKey(text)


@pytest.mark.parametrize(
    "text",
    [
        "uploads/../status/job.json",
        "uploads/a/../../status/job.json",
        "uploads/./a.jpg",
        "uploads//a.jpg",
        "uploads/",
        "uploads/a/",
        "uploads/a\x00.jpg",
        "uploads/a\nb.jpg",
        "uploads/a\ud800.jpg",
        "uploads/a\u2028b.jpg",
        "uploads/%2e%2e/status/job.json",
        "uploads/a%2Fb.jpg",
        "uploads\\a.jpg",
        "uploads/..\\status\\job.json",
        "uploads/" + "x" * (MAX_KEY_BYTES - 7),
        "uploads/" + "ö" * 510,
        "results/job-1/1.json",  # whoever knows the job's id could guess it
        f"results/job-1/1-{'a' * 23}.json",
        f"results/job-1/../job-1/1-{'a' * 24}.json",
        "inbox/other/target.jpg",
        "inbox/holiday/../other/target.jpg",
        "inbox/holiday/a\n.jpg",
        "inbox/holiday.json",
        "inbox/holidays/target.jpg",
        "Uploads/a.jpg",
        "/uploads/a.jpg",
        "./uploads/a.jpg",
        "../uploads/a.jpg",
        " uploads/a.jpg",
        "status/job.json",
        "cancel/job",
        "/etc/passwd",
        "a.jpg",
        "",
        ".",
        "..",
        "../" * 400,
        "s3://bucket/uploads/a.jpg",
        "r2://bucket/uploads/a.jpg",
        "file:///etc/passwd",
        "C:\\uploads\\a.jpg",
        "http://example.com/a.jpg",
        "ftp://example.com/a.jpg",
        "https://example.com/a b.jpg",
        "https://example.com/a\r\nHost: other",
        "https://example.com/" + "a" * 5000,
    ],
)
def test_anything_outside_is_forbidden(text: str) -> None:
    with pytest.raises(InputForbidden, match=r"^[A-Z0-9].*\.$|^[a-z0-9]+: links"):
        parse(text)


def test_another_jobs_folder_and_uploads_are_closed_unless_named() -> None:
    with pytest.raises(InputForbidden):
        parse_reference("inbox/holiday/target.jpg", allowed_prefixes=ALLOWED)
    with pytest.raises(InputForbidden):
        parse_reference(HEX_ID, allowed_prefixes=("results/",))


@pytest.mark.parametrize("prefix", ["", "/", "uploads"])
def test_a_prefix_that_is_no_folder_cannot_open_the_bucket(prefix: str) -> None:
    with pytest.raises(ValueError, match="folders"):
        parse_reference("status/job.json", allowed_prefixes=(prefix,))


@pytest.mark.parametrize(
    "file_id", [HEX_ID, HEX_ID.upper(), str(uuid.UUID(HEX_ID)), "fzwNHitKWWh3hqW0w9Lh8A"]
)
def test_an_upload_id_is_known_in_every_spelling_of_128_bits(file_id: str) -> None:
    assert parse(file_id) == UploadId(file_id)
    assert parse(f"{file_id}.jpeg") == BucketKey(f"uploads/{file_id}.jpeg")


@pytest.mark.parametrize("file_id", [HEX_ID[:-1], HEX_ID + "0", HEX_ID + "/a", HEX_ID + ".j/pg"])
def test_an_almost_upload_id_is_not_searched_for(file_id: str) -> None:
    with pytest.raises(InputForbidden):
        parse(file_id)


@pytest.mark.parametrize("text", ["https://example.com/a.jpg?sig=A%2FB", "HTTPS://EXAMPLE.com/%61"])
def test_a_link_is_kept_to_the_letter(text: str) -> None:
    assert parse(text) == Url(text)


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,", "DATA:;charset=x;BASE64,"])
def test_base64_is_decoded_with_any_line_breaks(prefix: str) -> None:
    assert parse(prefix + base64.encodebytes(PICTURE).decode()) == Inline(PICTURE)


def test_base64_that_begins_like_an_absolute_path_is_a_picture() -> None:
    jpeg = b"\xff\xd8\xff\xe0" + bytes(60)
    assert parse(base64.b64encode(jpeg).decode()) == Inline(jpeg)


@pytest.mark.parametrize(
    "text",
    [
        "data:image/png;base64,",
        "data:image/png;base64,AAA",
        "data:image/png;base64,AA-_",
        "data:image/png;base64,ÄÖÜ=",
        "data:image/png,plain",
        "data:",
        "A" * 65,
    ],
)
def test_damaged_base64_is_a_fault_of_the_manifest(text: str) -> None:
    with pytest.raises(InvalidManifest):
        parse(text)


def test_inline_pictures_are_small() -> None:
    largest = base64.b64encode(bytes(MAX_INLINE_BYTES)).decode()
    assert parse(largest) == Inline(bytes(MAX_INLINE_BYTES))
    with pytest.raises(InputTooLarge):
        parse(base64.b64encode(bytes(MAX_INLINE_BYTES + 3)).decode())


nasty = st.lists(
    st.sampled_from(
        [
            *("uploads", "results", "inbox", "holiday", "status", "..", ".", "/", "//", "\\", "%2e", "%2F"),
            *("https:", "s3:", "data:", ";base64,", "a", "é", "\ud800", "\n", "\0", " ", "?", "@", "A" * 70),
            HEX_ID,
        ]
    ),
    max_size=12,
).map("".join)


@given(st.one_of(st.text(max_size=200), nasty, nasty.map(lambda tail: f"uploads/{tail}")))
def test_whatever_is_sent_no_key_outside_of_the_prefixes_comes_out(text: str) -> None:
    describe(text).encode()  # a message must always be writable as UTF-8
    try:
        parsed = parse(text)
    except (InputForbidden, InvalidManifest, InputTooLarge):
        return
    if isinstance(parsed, BucketKey):
        assert parsed.key.startswith((*ALLOWED, FOLDER))
        assert not {"", ".", ".."} & set(parsed.key.split("/"))
        assert parsed.key.isprintable() or not parsed.key.isascii()
        assert len(parsed.key.encode()) <= MAX_KEY_BYTES
    elif isinstance(parsed, UploadId):
        assert "/" not in parsed.file_id
        assert "." not in parsed.file_id
    elif isinstance(parsed, Url):
        assert parsed.url.lower().startswith("https:")
    else:
        assert parsed.body


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("uploads/a.jpg", "`uploads/a.jpg`"),
        ("uploads/a\x00\x1b[31m.jpg", "`uploads/a\ufffd\ufffd[31m.jpg`"),
        ("https://example.com/a/b.jpg?X-Amz-Signature=secret#top", "`https://example.com/a/b.jpg`"),
        ("https://example.com/a;token=secret", "`https://example.com/a`"),
        ("https://user:secret@example.com:8443/a", "`https://example.com:8443/a`"),
        ("https://user:se/cret@example.com/a", "the https: link"),
        ("https://[2001:db8::1]:443/a", "`https://[2001:db8::1]:443/a`"),
        ("mailto:someone", "the mailto: link"),
        ("data:image/png;base64,AAAA", "the base64 picture"),
        ("-" * 65, "a file reference of 65 characters"),
        ("uploads/" + "x" * 80, f"`uploads/{'x' * 80}`"),  # letters and slashes only, as base64 has them
        ("uploads/" + "x" * 1017, f"`uploads/{'x' * 191}…`"),
    ],
)
def test_a_reference_is_named_as_its_sender_knows_it_without_secrets(text: str, shown: str) -> None:
    assert describe(text) == shown


@given(st.binary(min_size=48, max_size=4000), st.sampled_from(["", "data:image/png;base64,", "!"]))
def test_base64_is_never_repeated(body: bytes, prefix: str) -> None:
    encoded = base64.b64encode(body).decode()
    assert encoded[:20] not in describe(prefix + encoded)


def test_references_do_not_show_secrets_in_logs() -> None:
    secret = os.urandom(8).hex()
    assert secret not in repr(Url(f"https://example.com/?sig={secret}"))
    assert "abc" not in repr(Inline(b"abc"))
