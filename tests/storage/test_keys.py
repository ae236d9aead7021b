"""The key layout: what a name may do to the bucket."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import keys

ANY_NAME = st.text(min_size=1, max_size=200)


def test_keys_are_those_of_the_contract() -> None:
    assert keys.manifest("j") == "inbox/j.json"
    assert keys.status("j") == "status/j.json"
    assert keys.cancel("j") == "cancel/j"
    assert keys.dead_letter("j") == "dead-letter/j.json"
    assert keys.archive("j", "target.png") == "archive/j/target.png"


def test_a_result_tells_its_attempt_and_is_found_by_nobody_who_was_not_told() -> None:
    made = {keys.new_result("j", 2, "png") for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"results/j/2-[a-z2-7]{24}\.png", key) for key in made)  # 24 of 32 are 120 bits
    assert all(keys.is_secret_result(key) for key in made)


@pytest.mark.parametrize(
    "key",
    [
        "results/j/1.png",
        "results/j/1-.png",
        f"results/j/1-{'a' * 23}.png",
        f"results/j/1-{'a' * 24}",
        f"results/j/{'a' * 24}.png",
        f"results/j/k/1-{'a' * 24}.png",
        f"results/../1-{'a' * 24}.png",
        f"results/j/1-{'a' * 24}.png\n",
        f"uploads/j/1-{'a' * 24}.png",
    ],
)
def test_what_could_be_guessed_is_no_secret_result(key: str) -> None:
    assert not keys.is_secret_result(key)


@pytest.mark.parametrize("text", ["", "-a", "_a", "a/b", "a.b", "..", "a\n", "a\x00", "é", "a" * 65, "a b"])
def test_a_name_that_could_leave_its_prefix_is_no_job_id(text: str) -> None:
    assert not keys.is_job_id(text)


@pytest.mark.parametrize("text", ["a", "0", "A-_9", "01JABCDEF", "a" * 64])
def test_a_plain_name_is_a_job_id(text: str) -> None:
    assert keys.is_job_id(text)


@given(ANY_NAME, st.lists(st.text(max_size=40), max_size=5))
def test_whatever_people_drop_gets_a_valid_job_id(name: str, contents: list[str]) -> None:
    assert keys.is_job_id(keys.dropped_job_id(name, contents))


def test_the_order_of_files_does_not_change_a_dropped_job_id() -> None:
    assert keys.dropped_job_id("cat", ["a", "b"]) == keys.dropped_job_id("cat", ["b", "a"])


def test_other_content_under_an_old_name_is_a_new_job() -> None:
    assert keys.dropped_job_id("cat", ["a"]) != keys.dropped_job_id("cat", ["b"])


def test_a_long_name_keeps_its_content_digits() -> None:
    one, other = (keys.dropped_job_id("x" * 300, [content]) for content in "ab")
    assert len(one) == len(other) == 64
    assert one != other


@pytest.mark.parametrize(
    ("key", "name", "file"),
    [
        ("inbox/j.json", "j", None),
        ("inbox/j.JSON", "j", None),
        ("inbox/a.b.json", "a.b", None),
        ("inbox/pics/target.png", "pics", "target.png"),
        ("inbox/a b/%2e%2e", "a b", "%2e%2e"),
        ("inbox/../target.png", "..", "target.png"),
    ],
)
def test_an_inbox_key_comes_apart(key: str, name: str, file: str | None) -> None:
    assert keys.parse_inbox(key) == keys.InboxKey(name=name, file=file)


@pytest.mark.parametrize(
    "key",
    [
        "inbox/",
        "inbox/a/",
        "inbox/.json",
        "inbox/readme.txt",
        "inbox/a/b/c.png",
        "inbox//target.png",
        "x/j.json",
    ],
)
def test_a_key_that_announces_nothing_is_left_alone(key: str) -> None:
    assert keys.parse_inbox(key) is None


@pytest.mark.parametrize("job_id", ["order-1042", "x" * 64, "holiday-3f9a01bc", "a-retry-b"])
def test_a_job_done_again_keeps_its_name_in_its_id_however_often(job_id: str) -> None:
    first = keys.retried_job_id(job_id)
    again = keys.retried_job_id(first)
    assert keys.is_job_id(first)
    assert first.startswith(job_id[:49])
    assert first != again
    assert (first.rpartition("-")[0], len(first)) == (again.rpartition("-")[0], len(again))


@pytest.mark.parametrize("job_id", ["a", "order-1042", "x" * 64, "x" * 63 + "y"])
def test_the_ids_of_parts_are_valid_and_tell_which_job_they_are_of(job_id: str) -> None:
    part = keys.part(job_id, "0123456789abcdef" * 4, 999_999)
    assert keys.is_job_id(part)
    assert keys.is_part(part)
    assert not keys.is_part(job_id)
    assert keys.plan_of_part(part) == "01234567"
    others = {"a", "order-1042", "x" * 64, "x" * 63 + "y", part} - {job_id}
    assert not [other for other in others if part.startswith(keys.parts_of(other))]
