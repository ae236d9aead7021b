"""What is read from a queue's message, in every shape it comes in."""

import base64
import json
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.triggers.messages import Announcement, read_message

BUCKET = "pictures"
KEY = "inbox/a b+ü.json"
MANIFEST = {"process_type": "single-image", "source": "uploads/a", "target": "uploads/b"}


def s3_record(key: str = KEY, *, bucket: str = BUCKET, name: str = "ObjectCreated:Put") -> dict[str, object]:
    s3 = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), "size": 2}}
    return {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": name, "s3": s3}


def s3_event(*records: dict[str, object]) -> dict[str, object]:
    return {"Records": list(records) or [s3_record()]}


def sns(message: str) -> dict[str, object]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:jobs", "Message": message}


def eventbridge(kind: str = "Object Created", *, bucket: str = BUCKET) -> dict[str, object]:
    detail = {"bucket": {"name": bucket}, "object": {"key": KEY, "size": 2}, "reason": "PutObject"}
    return {"version": "0", "detail-type": kind, "source": "aws.s3", "detail": detail}


def r2_event(action: str = "PutObject", *, bucket: str = BUCKET, key: str = KEY) -> dict[str, object]:
    described = {"key": key, "size": 2, "eTag": "99"}
    return {
        "account": "a",
        "action": action,
        "bucket": bucket,
        "object": described,
        "eventTime": "2026-01-01",
    }


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ANNOUNCING = {
    "S3": json.dumps(s3_event()),
    "S3 multipart": json.dumps(s3_event(s3_record(name="ObjectCreated:CompleteMultipartUpload"))),
    "S3 of MinIO": json.dumps(s3_event(s3_record(name="s3:ObjectCreated:Put"))),
    "S3 in SNS": json.dumps(sns(json.dumps(s3_event()))),
    "EventBridge": json.dumps(eventbridge()),
    "R2": json.dumps(r2_event()),
    "R2 copy": json.dumps(r2_event("CopyObject")),
    "R2 multipart": json.dumps(r2_event("CompleteMultipartUpload")),
    "R2 in base64": in_base64(json.dumps(r2_event())),
    "S3 in SNS in base64": in_base64(json.dumps(sns(json.dumps(s3_event())))),
    "text": f"{KEY}\n",
    "JSON text": json.dumps(KEY),
    "text in base64": in_base64(KEY),
}


@pytest.mark.parametrize("body", ANNOUNCING.values(), ids=ANNOUNCING.keys())
def test_every_way_to_name_a_key_names_the_same_key(body: str) -> None:
    assert read_message(body, bucket=BUCKET) == Announcement(keys=(KEY,))
    assert read_message(body.encode(), bucket=BUCKET) == Announcement(keys=(KEY,))


IGNORED = {
    "test event": (
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}),
        "test_event",
    ),
    "S3 delete": (json.dumps(s3_event(s3_record(name="ObjectRemoved:Delete"))), "not_created"),
    "EventBridge delete": (json.dumps(eventbridge("Object Deleted")), "not_created"),
    "R2 delete": (json.dumps(r2_event("DeleteObject")), "not_created"),
    "R2 lifecycle": (json.dumps(r2_event("LifecycleDeletion")), "not_created"),
    "other bucket": (json.dumps(s3_event(s3_record(bucket="theirs"))), "another_bucket"),
    "other R2 bucket": (json.dumps(r2_event(bucket="theirs")), "another_bucket"),
    "other prefix": (json.dumps(s3_event(s3_record("results/x/1.png"))), "not_in_inbox"),
    "other file": (json.dumps(r2_event(key="inbox/readme.txt")), "not_in_inbox"),
    "deeper folder": ("inbox/a/b/target.png", "not_in_inbox"),
    "no records": (json.dumps({"Records": []}), "unreadable"),
    "record of no known shape": (json.dumps({"Records": [None]}), "another_bucket"),
    "odd action": (json.dumps({"action": ["PutObject"], "bucket": BUCKET, "object": 7}), "not_created"),
    "text": ("hello", "unreadable"),
    "empty": ("", "unreadable"),
    "number": ("12345678", "unreadable"),
    "list": ("[1, 2]", "unreadable"),
    "cut short": (json.dumps(MANIFEST)[:-5], "unreadable"),
    "too deep": ("[" * 100_000, "unreadable"),
    "not UTF-8": (b"\xff\xfe\xfd", "unreadable"),
}


@pytest.mark.parametrize(("body", "reason"), IGNORED.values(), ids=IGNORED.keys())
def test_what_announces_nothing_is_told_with_its_reason(body: str | bytes, reason: str) -> None:
    assert read_message(body, bucket=BUCKET) == Announcement(ignored=reason)


def test_a_manifest_comes_through_byte_for_byte() -> None:
    raw = json.dumps(MANIFEST, indent=3)
    for body in (raw, raw.encode(), in_base64(raw), json.dumps(sns(raw))):
        assert read_message(body, bucket=BUCKET) == Announcement(manifest=raw.encode())


def test_an_object_that_is_no_event_is_a_manifest_however_wrong() -> None:
    assert read_message('{"proces_type": 1}', bucket=BUCKET).manifest == b'{"proces_type": 1}'


def test_a_message_may_name_several_entries_each_once_and_others_besides() -> None:
    records = [s3_record("inbox/x/target.png"), s3_record("inbox/x/source.png"), s3_record("inbox/y.json")]
    assert read_message(
        json.dumps(s3_event(*records, s3_record("results/1.png"))), bucket=BUCKET
    ) == Announcement(keys=("inbox/x/target.png", "inbox/y.json"), ignored="not_in_inbox")


_NAMES = ["Records", "s3", "object", "bucket", "key", "name", "eventName", "action", "detail"]
_NAMES += ["detail-type", "Type", "Message", "Event"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON.map(json.dumps) | st.text() | st.binary())
def test_no_message_is_too_odd_to_be_read(body: str | bytes) -> None:
    hint = read_message(body, bucket=BUCKET)
    assert hint.keys or hint.manifest is not None or hint.ignored is not None
