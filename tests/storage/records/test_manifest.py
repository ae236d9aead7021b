"""The manifest: every accepted spelling has one normal form, everything else is named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import InvalidManifest
from storage.records.manifest import (
    MAX_MANIFEST_BYTES,
    Manifest,
    Options,
    named_job_id,
    read_manifest,
    source_pictures,
)

SINGLE = {"process_type": "single-image", "source": "uploads/a.png", "target": "uploads/b.png"}
SOURCES = ("source", "face", "source_file", "source_url", "source_image", "source-file")
TARGETS = (
    *("target", "media", "target_file", "target_url", "target_image", "target_video"),
    *("image_file", "image_url", "target-image"),
)
TYPES = ("single-image", "single_image", "SINGLE_IMAGE", " single-image ", "single_image_base64")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)
FIELDS = tuple(Manifest.model_fields)


def refusal_of(raw: str | dict[str, Any]) -> str:
    try:
        read_manifest(raw)
    except InvalidManifest as error:
        return str(error)
    return ""


@given(
    st.sampled_from(("process_type", "type", "process-type")),
    st.sampled_from(TYPES),
    st.sampled_from(SOURCES),
    st.sampled_from(TARGETS),
    st.sampled_from(("many_faces", "many-faces")),
    st.sampled_from(("bare", "envelope", "bytes")),
)
def test_every_accepted_spelling_has_one_normal_form(
    type_key: str, kind: str, source: str, target: str, many: str, form: str
) -> None:
    document: dict[str, Any] = {type_key: kind, source: "s", target: "t", "options": {many: True}}
    if form == "envelope":
        document = {"id": "runpod-1", "input": document}
    manifest = read_manifest(json.dumps(document).encode() if form == "bytes" else document)
    assert manifest == Manifest(
        process_type="single-image",
        source="s",
        target="t",
        options=Options(many_faces=True),
        job_id="runpod-1" if form == "envelope" else None,
    )


@pytest.mark.parametrize(
    ("given_type", "normal"), [("video", "single-video"), ("detect_faces", "detect-faces")]
)
def test_old_names_of_process_types_are_read(given_type: str, normal: str) -> None:
    document = {"type": given_type, "target": "t"} | ({} if "detect" in normal else {"source": "s"})
    assert read_manifest(document).process_type == normal


@given(
    st.lists(
        st.from_regex(r"[a-z]{3,12}", fullmatch=True).map(lambda s: f"x_{s}"),
        min_size=1,
        max_size=8,
        unique=True,
    ),
    st.booleans(),
)
def test_every_unknown_key_is_named(names: list[str], inside_options: bool) -> None:  # noqa: FBT001 -- drawn
    extra = dict.fromkeys(names, 1)
    document = {**SINGLE, "options": extra} if inside_options else {**SINGLE, **extra}
    with pytest.raises(InvalidManifest) as caught:
        read_manifest(document)
    prefix = "options." if inside_options else ""
    assert all(f"`{prefix}{name}`" in str(caught.value) for name in names)


def test_a_normal_form_reads_back_as_itself() -> None:
    manifest = read_manifest({**SINGLE, "job_id": "j", "options": {"trim": {"start": 1, "end": 2}}})
    assert read_manifest(manifest.model_dump(mode="json", exclude_none=True)) == manifest


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(st.characters()), JSON, max_size=6))
def test_whatever_is_sent_is_read_or_refused_with_a_sentence_that_can_be_stored(
    document: dict[str, Any],
) -> None:
    said = refusal_of({**SINGLE, **document}) + refusal_of(json.dumps({**SINGLE, **document}))
    assert len(said.encode()) < 20_000


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises(InvalidManifest):
        read_manifest(raw)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b"[" * 200_000, "not valid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b"[]", "JSON object"),
        (b"null", "JSON object"),
        (b" " * (MAX_MANIFEST_BYTES + 1), "larger than 4 MiB"),
        (json.dumps({**SINGLE, "version": 2}), "`version`"),
        (json.dumps({**SINGLE, "process_type": "Triple!"}), "`process_type`"),
        (json.dumps({**SINGLE, "source": None, "face": "x"}), "`source` and `face`"),
        (json.dumps({"process_type": "single-image", "target": "t"}), "needs `source`"),
        (json.dumps({"source": "s", "target": "t"}), "`process_type` is missing (one of single-image"),
        (json.dumps({**SINGLE, "face_mappings": {"face_0": "x"}}), "does not go with"),
        (
            json.dumps({"process_type": "multi-image", "target": "t", "face_mappings": {"face_01": "x"}}),
            "face_01",
        ),
        (json.dumps({**SINGLE, "job_id": "../x"}), "`job_id`"),
        (json.dumps({**SINGLE, "options": {"many_faces": "yes"}}), "`options.many_faces`"),
        (
            json.dumps({**SINGLE, "options": {"trim": {"start": 3, "end": 1}}}),
            "`options.trim`: `end` must be",
        ),
        (json.dumps({**SINGLE, "options": {"trim": {"end": float("inf")}}}), "`options.trim.end`"),
        (json.dumps({**SINGLE, "callback_url": "http://x"}), "`callback_url`"),
    ],
)
def test_a_mistake_is_named(raw: bytes | str, said: str) -> None:
    with pytest.raises(InvalidManifest) as caught:
        read_manifest(raw)
    assert said in str(caught.value)


def test_a_thousand_mistakes_make_no_long_message() -> None:
    with pytest.raises(InvalidManifest) as caught:
        read_manifest({**SINGLE, **{f"key_{'x' * 100}_{n}": 1 for n in range(10_000)}})
    assert "and 9980 more" in str(caught.value)
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({**SINGLE, "job_id": "mine", "nonsense": 1}, "mine"),
        ({"id": "mine", "input": {"nonsense": 1}}, "mine"),
        ({**SINGLE, "job_id": "../mine"}, None),
        ({**SINGLE, "job_id": 7}, None),
        (SINGLE, None),
        ([], None),
    ],
)
def test_a_wrong_manifest_keeps_the_job_id_it_names(document: object, expected: str | None) -> None:
    assert named_job_id(json.dumps(document).encode()) == expected


HIDDEN = "not-to-be-seen-HIDDEN"


@pytest.mark.parametrize(
    "changes",
    [
        {"callback_url": f"http://user:{HIDDEN}@example.com"},
        {"callback_url": f"https://example.com/?key={HIDDEN}" + "x" * 3000},
        {"source": {"url": HIDDEN}},
        {"source": [HIDDEN]},
        {"face_mappings": HIDDEN},
        {"process_type": "multi-image", "source": None, "face_mappings": {"face_0": [HIDDEN]}},
        {"consent": {"attested": True, "reference": 7, HIDDEN: 1} | {"attested": HIDDEN}},
    ],
    ids=range(7),
)
def test_a_mistake_is_told_without_the_secrets_that_may_be_in_it(changes: dict[str, Any]) -> None:
    assert HIDDEN not in refusal_of({**SINGLE, **changes}).replace(f"`consent.{HIDDEN}`", "")


def test_more_mappings_than_can_be_bound_are_refused() -> None:
    mapped = {f"face_{number}": "uploads/a.png" for number in range(1001)}
    multi = {"process_type": "multi-image", "target": "t"}
    assert "`face_mappings`" in refusal_of({**multi, "face_mappings": mapped})
    del mapped["face_1000"]
    assert refusal_of({**multi, "face_mappings": mapped}) == ""


@pytest.mark.parametrize("value", [True, False, "auto"])
def test_an_enhancer_is_wanted_not_wanted_or_welcome(*, value: object) -> None:
    document = {**SINGLE, "options": {"use_face_enhancer": value}}
    assert read_manifest(document).options.use_face_enhancer is value


@pytest.mark.parametrize("value", ["yes", "Auto", 1, None, ["auto"]])
def test_anything_else_about_the_enhancer_is_told_in_one_sentence(value: object) -> None:
    said = refusal_of({**SINGLE, "options": {"use_face_enhancer": value}})
    assert said.startswith('`options.use_face_enhancer`: must be true, false or "auto"')
    assert said.count("use_face_enhancer") == 1


def test_several_pictures_of_one_person_may_be_the_source() -> None:
    several = read_manifest({**SINGLE, "source": ["uploads/a.png", "uploads/c.png"]})
    assert source_pictures(several) == {"source_1": "uploads/a.png", "source_2": "uploads/c.png"}
    assert read_manifest(several.model_dump_json(exclude_none=True)) == several
    assert read_manifest({**SINGLE, "source": ["uploads/a.png"]}) == read_manifest(SINGLE)
    assert source_pictures(read_manifest(SINGLE)) == {"source": "uploads/a.png"}
    mapped = {"process_type": "multi-image", "target": "t", "face_mappings": {"face_2": "x"}}
    assert source_pictures(read_manifest(mapped)) == {"face_2": "x"}


@pytest.mark.parametrize(
    "source",
    [[], ["a"] * 17, ["a", ""], ["a", 1], [["a"]], {"a": "b"}, 7, "", True],
)
def test_a_source_that_is_neither_a_file_nor_a_list_of_them_is_told_in_one_sentence(source: object) -> None:
    said = refusal_of({**SINGLE, "source": source})
    assert said == "`source`: must be a file, or a list of at most 16 that show the same person."


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({**SINGLE, "options": {"execution_provider": "\ud800"}}, "`options.execution_provider`"),
        ({**SINGLE, "target": "uploads/\udfff.png"}, "`target`"),
        ({**SINGLE, "consent": {"attested": True, "reference": "x\ud83d"}}, "`consent.reference`"),
        ({**SINGLE, "a\ud800b": 1}, "`a\\ud800b`"),
        (
            {"process_type": "multi-image", "target": "t", "face_mappings": {"face_0": "\ud800"}},
            "`face_mappings",
        ),
        ({**SINGLE, "trim": [[["\ud800"]]]}, "`trim`"),
    ],
)
def test_text_that_no_record_can_hold_is_refused_by_name(document: dict[str, object], named: str) -> None:
    for raw in (json.dumps(document), document):
        with pytest.raises(InvalidManifest) as caught:
            read_manifest(raw)
        assert named in str(caught.value)
        assert str(caught.value).encode()
    assert named_job_id(json.dumps({**document, "job_id": "mine"}).encode()) == "mine"


def test_a_character_of_two_halves_is_whole() -> None:
    raw = json.dumps({**SINGLE, "target": "uploads/\U0001f642.png"})  # written as two escapes
    assert read_manifest(raw).target == "uploads/\U0001f642.png"
