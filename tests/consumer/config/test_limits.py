"""How large a file may be, by its first bytes."""

import pytest

from consumer.config.limits import size_limit
from consumer.config.settings import Settings
from pipeline.media.sniff import SNIFF_BYTES
from storage.inputs.arrival import HEAD_BYTES


@pytest.mark.parametrize(
    ("head", "limit"),
    [
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", 2000),
        (b"\x1a\x45\xdf\xa3...webm", 2000),
        (b"\xff\xd8\xff\xe0", 1500),
        (b"GIF89a", 1500),
        (b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", 1500),
        (b"%PDF-", 1500),
        (b"", 1500),
    ],
)
def test_only_what_begins_as_a_video_may_be_as_large_as_one(head: bytes, limit: int) -> None:
    settings = Settings(max_input_bytes=1500, max_video_bytes=2000)
    assert size_limit(settings)(head) == limit


def test_a_fetch_shows_as_much_as_there_is_to_look_at() -> None:
    assert HEAD_BYTES >= SNIFF_BYTES
