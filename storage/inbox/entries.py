"""What a listing of the inbox shows: entries, which are jobs, and puzzles, which are none or not yet."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal

from storage import keys
from storage.inbox.folders import Folder, is_junk, read_folder
from storage.stores.port import ListedObject, Listing

_LAST = "\U0010fffd"  # comes after whatever a key has in its place
TAKEN_DIGITS = 16  # of the content, in the id of a job whose own id is taken


@dataclass(frozen=True, kw_only=True)
class InboxEntry:
    """One announced job as a listing showed it."""

    #: The manifest's stem, or the folder.
    name: str
    form: Literal["manifest", "folder"]
    #: All its objects.
    keys: tuple[str, ...]
    #: Theirs, in the same order.
    etags: tuple[str, ...]
    #: What the files of a folder are for, by key; those for nothing are not there.
    roles: Mapping[str, str]
    #: Changes when a file that matters changes.
    fingerprint: str
    #: 0 once nothing has changed for long enough.
    ready_in_s: float
    #: When its oldest object was written, by the store's clock.
    announced_at: datetime

    @property
    def folder(self) -> str:
        """Prefix of the job's own inbox folder, which its references may point into."""
        return keys.inbox_folder(self.name)

    @property
    def content_id(self) -> str:
        """The job's id where its content names none."""
        return keys.dropped_job_id(self.name, self._contents)

    def other_id(self, job_id: str) -> str:
        """The job's id where the one it names is that of another job already."""
        return keys.dropped_job_id(job_id, self._contents, digits=TAKEN_DIGITS)

    @property
    def _contents(self) -> Sequence[str]:
        """What makes the job what it is: files with their names, as source and target may change places."""
        if self.form == "manifest":
            return self.etags
        pairs = zip(self.keys, self.etags, strict=True)
        return [f"{key.rpartition('/')[2].lower()} {etag}" for key, etag in pairs if key in self.roles]


@dataclass(frozen=True, kw_only=True)
class Puzzle:
    """Files in the inbox that are no job, or not yet."""

    #: The folder of the inbox that they lie in; empty for the inbox itself.
    place: str
    #: Their names within the place, in key order.
    files: tuple[str, ...]
    #: Changes with any of them.
    fingerprint: str
    #: When the newest of them was written, by the store's clock.
    newest: datetime


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What one look at the inbox found, in key order."""

    entries: Sequence[InboxEntry]
    #: What lies there and is no job.
    puzzles: Sequence[Puzzle]
    #: The store's clock.
    store_now: datetime
    #: Where the next look is to go on; empty when it is to start anew.
    read_to: str = ""
    #: Whether this look came to the end of the inbox.
    at_end: bool = True


class InboxReader:
    """Puts the objects of a listing together to entries and puzzles, as they come, in key order."""

    def __init__(
        self,
        entry: Callable[[Sequence[ListedObject], datetime], InboxEntry | None],
        store_now: datetime,
        *,
        after: str = "",
    ) -> None:
        self.entries: list[InboxEntry] = []
        self.puzzles: list[Puzzle] = []
        self.loose: list[ListedObject] = []
        #: After which key the next page begins.
        self.last_key = after
        #: After which key another reader is to begin, so that a folder that was cut off is read whole.
        self.read_to = after
        self._entry = entry
        self._store_now = store_now
        self._tells_puzzles = True
        self._place = ""
        self._pending: list[ListedObject] = []
        self._fresh = self._counted = 0

    def take(self, page: Listing) -> None:
        """Take in the next page."""
        for listed in page.objects:
            place = _place(listed.key)
            if place != self._place:
                self._flush()
                self._place = place
            if place:
                self._pending.append(listed)
                continue
            self.read_to = listed.key
            parsed = keys.parse_inbox(listed.key)
            if parsed is None:
                self.loose.append(listed)
            elif entry := self._entry([listed], self._store_now):
                self.entries.append(entry)
        self.last_key = page.objects[-1].key if page.objects else self.last_key

    def close(self, *, truncated: bool) -> None:
        """Take note that there is no more, or with `truncated` that the last folder may go on."""
        if not truncated:
            self._flush()
        elif self._pending and not (self.entries or self.puzzles or self.loose):
            self.read_to = (
                keys.inbox_folder(self._place) + _LAST
            )  # it is larger than a whole look: pass it by

    def tell_no_puzzles(self) -> None:
        """Forget what is no job, also in what follows."""
        self._tells_puzzles = False
        self.puzzles, self.loose = [], []

    def count(self, is_fresh: Callable[[InboxEntry], bool]) -> int:
        """How many entries so far are fresh; each is asked of once."""
        self._fresh += sum(map(is_fresh, islice(self.entries, self._counted, None)))
        self._counted = len(self.entries)
        return self._fresh

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        if not pending:
            return
        self.read_to = pending[-1].key
        direct = [listed for listed in pending if keys.parse_inbox(listed.key)]
        entry = self._entry(direct, self._store_now) if direct else None
        if entry is not None:
            self.entries.append(entry)
            return
        if self._tells_puzzles and (puzzle := _puzzle(self._place, pending)):
            self.puzzles.append(puzzle)


def scan_of(readers: Sequence[InboxReader], last_page: Listing, read_to: str) -> Scan:
    """What some readers have found together, the last of them up to `last_page`."""
    loose = [listed for reader in readers for listed in reader.loose]
    in_no_folder = _puzzle("", loose)
    return Scan(
        entries=[entry for reader in readers for entry in reader.entries],
        puzzles=[
            *([in_no_folder] if in_no_folder else []),
            *(puzzle for reader in readers for puzzle in reader.puzzles),
        ],
        store_now=last_page.store_now,
        read_to=read_to,
        at_end=not last_page.truncated,
    )


def entry_of(
    group: Sequence[ListedObject], store_now: datetime, *, settle_s: float, guess_settle_s: float
) -> InboxEntry | None:
    """The entry that the objects of one name are, None where they are no job yet.

    A folder is ready once nothing in it has changed for `settle_s`, or `guess_settle_s` where one of its
    files is taken for what it is because the others say what they are.
    """
    parsed = keys.parse_inbox(group[0].key)
    if parsed is None:
        return None
    roles, ready_in_s = dict[str, str](), 0.0
    if parsed.file is not None:
        folder = _read(group)
        if not folder.complete:
            return None
        roles = roles_of(group)
        newest = max(listed.last_modified for listed in group)
        quiet_s = guess_settle_s if folder.guessed else settle_s
        ready_in_s = max(0.0, quiet_s - (store_now - newest).total_seconds())
    return InboxEntry(
        name=parsed.name,
        form="manifest" if parsed.file is None else "folder",
        keys=tuple(listed.key for listed in group),
        etags=tuple(listed.etag for listed in group),
        roles=roles,
        fingerprint=fingerprint_of(group, roles),
        ready_in_s=ready_in_s,
        announced_at=min(listed.last_modified for listed in group),
    )


def _place(key: str) -> str:
    """The folder of the inbox that a key lies in; empty for what lies in the inbox itself."""
    name, slash, _ = key.removeprefix(keys.INBOX).partition("/")
    return name if slash else ""


def _puzzle(place: str, group: Sequence[ListedObject]) -> Puzzle | None:
    """Files that are no job; None where nobody would miss them."""
    prefix = keys.inbox_folder(place) if place else keys.INBOX
    told = [listed for listed in group if not is_junk(listed.key.removeprefix(prefix).rpartition("/")[2])]
    if not told:
        return None
    lines = "\n".join(f"{listed.key} {listed.etag}" for listed in told)
    return Puzzle(
        place=place,
        files=tuple(listed.key.removeprefix(prefix) for listed in told),
        fingerprint=hashlib.sha256(lines.encode(errors="replace")).hexdigest(),
        newest=max(listed.last_modified for listed in told),
    )


def _read(group: Iterable[ListedObject]) -> Folder:
    return read_folder([listed.key.rpartition("/")[2] for listed in group])


def roles_of(group: Sequence[ListedObject]) -> dict[str, str]:
    """What the files of a folder are for, by key."""
    roles = _read(group).roles
    return {listed.key: roles[file] for listed in group if (file := listed.key.rpartition("/")[2]) in roles}


def fingerprint_of(group: Iterable[ListedObject], roles: Mapping[str, str]) -> str:
    """Digest of an entry's manifest, or of the files in a folder that matter."""
    lines = [
        f"{listed.key} {listed.etag}"
        for listed in group
        if listed.key in roles or listed.key.count("/") == 1  # a manifest lies in the inbox itself
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
