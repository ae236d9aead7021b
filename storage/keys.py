"""The key layout of the bucket: the only place that spells a key."""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass

INBOX = "inbox/"
UPLOADS = "uploads/"
STATUS = "status/"
CANCEL = "cancel/"
RESULTS = "results/"
ARCHIVE = "archive/"
DEAD_LETTER = "dead-letter/"
SCRATCH = "scratch/"
AUDIT = "audit/"
FORGOTTEN = "forgotten/"
DENYLIST = "denylist.json"
"""Key of the list of people who are never put into pictures."""

JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# An attempt and, since results are secret, 120 random bits in base32.
_RESULT = re.compile(rf"{RESULTS}{JOB_ID.pattern}/[1-9][0-9]*-[a-z2-7]{{24}}\.[a-z0-9]+")
_RANDOM_BYTES = 15
_MAX_JOB_ID = 64
_CONTENT_DIGITS = 8
_RETRY = "-retry-"
_RETRY_DIGITS = 8
_PART = "-part-"
_PART_STEM = 30  # characters of a job's id that those of its parts begin with
_PART_DIGITS, _PLAN_DIGITS = 10, 8
_PART_ID = re.compile(
    rf".{{1,{_PART_STEM}}}{_PART}[0-9a-f]{{{_PART_DIGITS}}}-[0-9a-f]{{{_PLAN_DIGITS}}}-[0-9]{{1,6}}"
)
_RETRIED = re.compile(rf"{_RETRY}[0-9a-f]{{{_RETRY_DIGITS}}}$")
_MAX_KEY_BYTES = 1024


def is_job_id(text: str) -> bool:
    """Say whether `text` may name a job."""
    return JOB_ID.fullmatch(text) is not None


def manifest(job_id: str) -> str:
    """Key of a job's manifest."""
    return f"{INBOX}{job_id}.json"


def status(job_id: str) -> str:
    """Key of a job's status record."""
    return f"{STATUS}{job_id}.json"


def job_of_status(key: str) -> str:
    """The job whose record a key is of; empty for any other key."""
    stem = key.removeprefix(STATUS).removesuffix(".json")
    return stem if is_job_id(stem) and status(stem) == key else ""


def cancel(job_id: str) -> str:
    """Key whose existence asks for the job to stop."""
    return f"{CANCEL}{job_id}"


def new_result(job_id: str, attempt: int, extension: str) -> str:
    """A fresh key for one attempt's result.

    The attempt is in it so that a zombie cannot overwrite a winner, and 120 random bits so that nobody can
    guess where another's result lies: job ids are chosen by senders.
    """
    return f"{result_folder(job_id)}{attempt}-{new_secret()}.{extension}"


def new_secret() -> str:
    """24 characters that nobody can guess."""
    return base64.b32encode(secrets.token_bytes(_RANDOM_BYTES)).decode().lower()


def is_secret_result(key: str) -> bool:
    """Whether `key` is one that `new_result` makes; those of earlier versions could be guessed."""
    return _RESULT.fullmatch(key) is not None


def result_folder(job_id: str) -> str:
    """Prefix of all results of a job, those of zombies among them."""
    return f"{RESULTS}{job_id}/"


def scratch_folder(job_id: str) -> str:
    """Prefix of all that attempts at a job have left for one another."""
    return f"{SCRATCH}{job_id}/"


def scratch(job_id: str, plan: str, name: str) -> str:
    """Key of one finished piece of a job's work; `plan` names all that the piece depends on."""
    return f"{scratch_folder(job_id)}{plan}/{name}"


def dead_letter(job_id: str) -> str:
    """Key of the pointer to a job that used up its attempts."""
    return f"{DEAD_LETTER}{job_id}.json"


def audit(day: str, owner: str, number: int) -> str:
    """Key of a part of what a consumer has written into the audit log on a day, as 2026-11-30."""
    return f"{AUDIT}{day}/{owner}-{number}.jsonl"


def archive(job_id: str, name: str) -> str:
    """Key under which a file of a dropped folder is kept once the job has ended."""
    return f"{ARCHIVE}{job_id}/{name}"


@dataclass(frozen=True, kw_only=True)
class InboxKey:
    """An inbox key taken apart.

    `name` is the manifest's stem or the folder; `file` is the name in the folder, None for a manifest.
    """

    name: str
    file: str | None


def inbox_folder(name: str) -> str:
    """Prefix of a folder that people drop files into."""
    return f"{INBOX}{name}/"


def parse_inbox(key: str) -> InboxKey | None:
    """Take an inbox key apart; None where it announces nothing (deeper folders, other files) or is no key."""
    rest = key.removeprefix(INBOX)
    if rest == key or not rest or not _may_be(key):
        return None
    name, slash, file = rest.partition("/")
    if not slash:
        stem, dot, extension = rest.rpartition(".")
        return InboxKey(name=stem, file=None) if dot and stem and extension.lower() == "json" else None
    return InboxKey(name=name, file=file) if name and file and "/" not in file else None


def _may_be(key: str) -> bool:
    """Whether a store can have this key: UTF-8, of 1024 bytes at most (Amazon's S3 guide, "Object keys")."""
    try:
        return len(key.encode()) <= _MAX_KEY_BYTES
    except UnicodeEncodeError:
        return False


def dropped_job_id(name: str, contents: Iterable[str], *, digits: int = _CONTENT_DIGITS) -> str:
    """Job id of something people dropped: its name and 8 hex digits of its `contents`, in any order.

    The same content dropped again finds the result that is already there; other content under an old
    name is a new job. Characters a job id may not hold become `-`; the result is at most 64 characters.
    """
    digest = hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()[:digits]
    safe = re.sub(r"[^A-Za-z0-9_-]", "-", name).lstrip("_-") or "job"
    return f"{safe[: _MAX_JOB_ID - digits - 1]}-{digest}"


def new_job_id() -> str:
    """A fresh job id that sorts by time: 48 bits of milliseconds and 80 random bits, in hex (as UUIDv7)."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def retried_job_id(job_id: str) -> str:
    """A fresh id for a job that is done again: the old one, `-retry-` and 8 random hex digits.

    A job that is done again once more keeps the first name, so that ids do not grow.
    """
    first = _RETRIED.sub("", job_id)
    return (
        f"{first[: _MAX_JOB_ID - len(_RETRY) - _RETRY_DIGITS]}{_RETRY}{secrets.token_hex(_RETRY_DIGITS // 2)}"
    )


def parts_of(job_id: str) -> str:
    """What the ids of all parts of a job begin with, and those of no other job."""
    digest = hashlib.sha256(job_id.encode()).hexdigest()[:_PART_DIGITS]
    return f"{job_id[:_PART_STEM]}{_PART}{digest}-"


def part(job_id: str, plan: str, first: int) -> str:
    """Id of the part of a job that makes pieces of a plan from a number on; the same whoever announces it."""
    return f"{parts_of(job_id)}{plan[:_PLAN_DIGITS]}-{first}"


def is_part(job_id: str) -> bool:
    """Whether a job's id is one that `part` makes."""
    return _PART_ID.fullmatch(job_id) is not None


def plan_of_part(job_id: str) -> str:
    """What the name of the plan begins with of which a part makes pieces."""
    return job_id.rsplit("-", 2)[1]


def new_upload(extension: str) -> str:
    """A fresh key for an upload: 128 random bits, so that nobody can guess another's file."""
    return f"{UPLOADS}{secrets.token_hex(16)}.{extension}"
