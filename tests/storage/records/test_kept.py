"""What a record keeps of a manifest: enough to do the job again, no secret, and never much."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.records.kept import is_same, kept, not_kept
from storage.records.manifest import Manifest, read_manifest

HIDDEN = "not-to-be-seen"
SINGLE = {"process_type": "single-image", "source": "uploads/a.png", "target": "uploads/b.png"}
MULTI = {"process_type": "multi-image", "target": "uploads/b.png"}
HEX_ID = "7f3c0d1e2b4a59687786a5b4c3d2e1f0"
PICTURE = base64.b64encode(bytes(range(256)) * 10).decode()


def document(**changes: object) -> dict[str, Any]:
    whole = {**SINGLE, **changes}
    return read_manifest(whole).model_dump(mode="json", exclude_none=True)


@pytest.mark.parametrize(
    "reference",
    [
        f"https://files.example/a.jpg?X-Amz-Signature={HIDDEN}",
        f"https://user:{HIDDEN}@files.example/a.jpg",
        f"https://{HIDDEN}@files.example/a.jpg",
        f"https://files.example/a.jpg#{HIDDEN}",
        f"https://files.example/a.jpg;token={HIDDEN}",
        f"https://files.example\\\\{HIDDEN}@other.example/",
        f"HTTPS://files.example/a.jpg?{HIDDEN}",
        f"http://user:{HIDDEN}@files.example/a.jpg",
        f"ftp://user:{HIDDEN}@files.example/a.jpg",
        f"user:{HIDDEN}@files.example/a.jpg",
        f"data:image/png;base64,{HIDDEN}",
        PICTURE[:200] + HIDDEN + PICTURE,
        f"!{PICTURE}{HIDDEN}",  # damaged
        f"uploads/{'x' * 1024}{HIDDEN}",
    ],
)
def test_signed_links_passwords_and_pictures_do_not_go_into_the_record(reference: str) -> None:
    short = kept(document(source=reference, target=reference, detection=reference))
    assert HIDDEN not in json.dumps(short)
    assert len(json.dumps(short)) < 3000
    assert not_kept(short) == ("source", "target", "detection")
    mapped = kept({**MULTI, "face_mappings": {"face_0": "uploads/a.png", "face_1": reference}})
    assert HIDDEN not in json.dumps(mapped)
    assert mapped["face_mappings"]["face_0"] == "uploads/a.png"
    assert not_kept(mapped) == ("face_mappings",)


@pytest.mark.parametrize(
    "reference",
    [
        "uploads/a.png",
        "uploads/Zoë at 100% - 家族.jpg",
        "uploads/" + "x" * 900,
        f"results/j/1-{'a' * 24}.json",
        "inbox/50%25 \\ off/source.png",
        HEX_ID,
        "https://files.example/people/a.jpg",
        "a.jpg",
    ],
)
def test_what_is_no_secret_is_kept_to_the_letter(reference: str) -> None:
    whole = document(source=reference)
    assert kept(whole) == whole
    assert not_kept(whole) == ()


@pytest.mark.parametrize("tail", [f"hook/{HIDDEN}", f"?key={HIDDEN}", f"#{HIDDEN}"])
def test_of_an_address_to_call_only_its_host_is_kept(tail: str) -> None:
    for url in (f"https://me.example/{tail}", f"https://user:{HIDDEN}@me.example/", "https://[bad/"):
        short = kept(document(callback_url=url))
        assert HIDDEN not in json.dumps(short)
        assert short["callback_url"].startswith(("https://me.example/(", "https:///("))
        assert not_kept(short) == ("callback_url",)
        read_manifest(short)


def test_a_record_stays_small_however_many_faces_are_mapped() -> None:
    many = {f"face_{number}": f"uploads/{number:032x}.png" for number in range(1000)}
    assert kept({**MULTI, "face_mappings": many}) == {**MULTI, "face_mappings": many}
    long = {name: f"{reference}{'x' * 900}" for name, reference in many.items()}
    short = kept({**MULTI, "face_mappings": long})
    assert len(json.dumps(short)) < 300
    assert not_kept(short) == ("face_mappings",)
    assert is_same(short, read_manifest({**MULTI, "face_mappings": long}))
    assert not is_same(short, read_manifest({**MULTI, "face_mappings": {**long, "face_7": "uploads/c.png"}}))


def manifests() -> st.SearchStrategy[Manifest]:
    references = st.sampled_from(
        [
            *(
                "uploads/a.png",
                HEX_ID,
                "https://a.example/b",
                "(99 characters, not kept, 0123abcd)",
                "(inline, ",
            ),
            *("https://a.example/b?sig=1", "https://a.example/b?sig=2", PICTURE, PICTURE[:-4], "x" * 300),
        ]
    )
    callbacks = st.sampled_from([None, "https://a.example/1", "https://a.example/2"])
    return st.builds(
        lambda source, target, url: read_manifest(
            {**SINGLE, "source": source, "target": target, "callback_url": url}
        ),
        references,
        references,
        callbacks,
    )


@given(manifests(), manifests())
def test_a_record_tells_whether_a_manifest_is_the_one_it_was_made_of(one: Manifest, other: Manifest) -> None:
    record = kept(one.model_dump(mode="json", exclude_none=True))
    assert is_same(record, one)
    assert is_same(record, other) == (one == other)
    earlier = one.model_dump(mode="json", exclude_none=True)  # versions that hid nothing
    assert is_same(earlier, one)
    assert not is_same({"process_type": "of a version to come"}, one)
