"""The model store: where each file of the catalogue lies, why it does not count, and how to get it."""

import errno
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.catalogue import Catalogue, ModelFile, Version
from models.errors import ModelMissing
from models.store.archive import unpack
from models.store.download import (
    Download,
    DownloadProgress,
    DownloadSource,
    NothingDelivered,
    Patience,
    Sleep,
)
from models.store.fetch import Fetcher
from models.store.licences import Licences
from models.store.lock import exclusive
from models.store.partial import Partial
from models.store.places import SearchPlace, make_ready, reason
from models.store.verify import NOT_THERE, BadFile, Digests, examine


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A folder that was looked at, and why it has no such file; `bad` if something else is in its place."""

    folder: Path
    reason: str
    bad: bool = False

    def __str__(self) -> str:
        return f"{self.folder}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A verified file; `candidates` are the folders looked at before."""

    file: ModelFile
    path: Path
    version: Version
    candidates: tuple[Candidate, ...] = ()

    @property
    def sha256(self) -> str:
        """Hex sha256 of its content."""
        return self.version.sha256 or ""


@dataclass(frozen=True, kw_only=True)
class Missing:
    """No folder has the file; `candidates` say why."""

    file: ModelFile
    candidates: tuple[Candidate, ...]

    @property
    def bad(self) -> bool:
        """Whether something that cannot be used lies in the file's place."""
        return any(candidate.bad for candidate in self.candidates)


class ModelStore:
    """Looks at the disk with every call, so that files that appear later are seen.

    `cache_dir` takes the memory of hashes; it may be read-only or absent. Its methods may be called from
    several threads and processes at once.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        places: Sequence[SearchPlace],
        *,
        cache_dir: Path,
        licences: Licences,
        offline: bool = False,
        patience: Patience | None = None,
        sleep: Sleep = time.sleep,
    ) -> None:
        self.catalogue = catalogue
        self.places = tuple(places)
        self.licences = licences
        self.offline = offline
        self._digests = Digests(cache_dir / "verified.json")
        self._patience = patience or Patience()
        self._sleep = sleep

    def locate(self, name: str, *, afresh: bool = False) -> Found | Missing:
        """Find the first verified copy; `afresh` hashes again instead of trusting the memory of hashes.

        Raises:
            CatalogueError: there is no file of this name.
        """
        file = self.catalogue.file(name)
        skipped: list[Candidate] = []
        for place in self.places:
            why = NOT_THERE
            for path in _paths(place.folder, file):
                try:
                    version = examine(path, file, self._digests, afresh=afresh)
                except BadFile as fault:
                    why = str(fault) if why == NOT_THERE else why
                else:
                    return Found(file=file, path=path, version=version, candidates=tuple(skipped))
            if why == NOT_THERE:
                skipped.append(Candidate(folder=place.folder, reason=_absence(place.folder, file)))
            else:
                skipped.append(Candidate(folder=place.folder, reason=why, bad=True))
        return Missing(file=file, candidates=tuple(skipped))

    def require(self, name: str) -> Found:
        """Return a verified copy.

        Raises:
            ModelMissing: there is none; says which file and the command that gets it.
        """
        found = self.locate(name)
        if isinstance(found, Found):
            return found
        raise _missing(found)

    def pull(self, name: str, fetchers: Sequence[Fetcher], progress: DownloadProgress) -> Found:
        """Return a verified copy, after fetching it into the first folder that takes it if there is none.

        Raises:
            LicenceNotAccepted: its licence has to be accepted first.
            ModelMissing: it could not be had; says why.
        """
        found = self.locate(name)
        if isinstance(found, Found):
            return found
        file = found.file
        if not file.verifiable:
            raise ModelMissing(
                f"{name} cannot be verified: no checksum is known. It is neither downloaded nor used."
            )
        self.licences.insist(file.licence)
        refusals: list[str] = []
        for place in self.places:
            try:
                self._pull_into(place, file, fetchers, progress)
            except OSError as error:
                refusals.append(f"{place.folder}: {reason(error)}")
                continue
            except BadFile as error:
                origin = f"{name} could not be taken out of {file.archive}"
                raise ModelMissing(f"{origin}: {_sentence(error)}", refusals) from None
            except NothingDelivered as error:
                raise ModelMissing(f"{name} could not be had: {_sentence(error)}", refusals) from None
            return self._just_pulled(name)
        raise ModelMissing(f"{name} could not be stored: no folder of the search path takes it.", refusals)

    def remove(self, name: str) -> list[Path]:
        """Delete every copy of a file on the search path, good or bad, and return what was deleted.

        Raises:
            OSError: a folder does not allow it.
        """
        file = self.catalogue.file(name)
        removed = []
        for path in (path for place in self.places for path in _paths(place.folder, file)):
            if path.is_symlink() or path.is_file():
                path.unlink()
                removed.append(path)
            if path.parent.is_dir():
                Partial(path).discard()
        return removed

    def _pull_into(
        self, place: SearchPlace, file: ModelFile, fetchers: Sequence[Fetcher], progress: DownloadProgress
    ) -> None:
        source = self.catalogue.files[file.archive] if file.archive else file
        make_ready(place, _room(file, source, place.folder))
        lock = place.folder / f".{source.name}.lock"
        with exclusive(lock, _Waiting(source, Partial(place.folder / source.path), progress)):
            if isinstance(self.locate(file.name), Found):
                return
            if source is file:
                self._fetch(file, place.folder / file.path, fetchers, progress)
            else:
                self._fetch_member(file, source, place.folder, fetchers, progress)

    def _fetch(
        self, file: ModelFile, target: Path, fetchers: Sequence[Fetcher], progress: DownloadProgress
    ) -> None:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, f"a folder is in the place of {file.name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Partial(target)
        digest = self._download(file, partial, fetchers, progress)
        partial.finish(digest, self._digests)

    def _fetch_member(
        self,
        file: ModelFile,
        archive: ModelFile,
        folder: Path,
        fetchers: Sequence[Fetcher],
        progress: DownloadProgress,
    ) -> None:
        """Take a member by itself where a source has it so, else out of its archive."""
        if not self.offline and any(fetcher.addresses(file) for fetcher in fetchers):
            try:
                self._fetch(file, folder / file.path, fetchers, progress)
            except NothingDelivered as error:
                progress.note(file.name, f"not to be had by itself: {_sentence(error)}")
            else:
                return
        wanted = [m for m in self.catalogue.members(archive.name) if isinstance(self.locate(m.name), Missing)]
        local = self.locate(archive.name)
        if isinstance(local, Found):
            progress.note(file.name, f"out of the {archive.name} that is already here")
            unpack(local.path, wanted, folder, self._digests)
            return
        partial = Partial(folder / archive.name)
        self._download(archive, partial, fetchers, progress)
        try:
            unpack(partial.path, wanted, folder, self._digests)
        finally:
            partial.discard()

    def _download(
        self, file: ModelFile, partial: Partial, fetchers: Sequence[Fetcher], progress: DownloadProgress
    ) -> str:
        if self.offline:
            raise NothingDelivered([f"offline mode is on; put {file.path} into a folder of the search path."])
        sources = [
            DownloadSource(fetcher=fetcher, address=address)
            for fetcher in fetchers
            for address in fetcher.addresses(file)
        ]
        if not sources:
            raise NothingDelivered(
                [f"It has no mirror, so put {file.path} into a folder of the search path."]
            )
        return Download(file, partial, progress, self._patience, self._sleep).run(sources)

    def _just_pulled(self, name: str) -> Found:
        found = self.locate(name)
        if isinstance(found, Missing):
            raise _missing(found)
        return found


class _Waiting:
    """Tells how far the process is that holds the lock, which is also where a wait can be broken off."""

    def __init__(self, file: ModelFile, partial: Partial, progress: DownloadProgress) -> None:
        self._file = file
        self._partial = partial
        self._progress = progress
        self._told = False

    def __call__(self) -> None:
        if not self._told:
            self._told = True
            self._progress.note(self._file.name, "another process is fetching it; waiting")
        self._progress.advance(self._file.name, self._partial.size, self._file.largest_bytes)


def _room(file: ModelFile, source: ModelFile, folder: Path) -> int:
    """Bytes still to come; an archive and what comes out of it lie there together for a moment."""
    size = source.largest_bytes or 0
    return (size if source is file else 2 * size) - Partial(folder / source.path).size


def _paths(folder: Path, file: ModelFile) -> tuple[Path, ...]:
    """Where a file may lie in a folder: members also flat, or one level deeper, as unzipping leaves them."""
    if file.archive is None:
        return (folder / file.path,)
    stem = Path(file.archive).stem
    return (folder / file.path, folder / file.name, folder / stem / file.path, folder / "models" / file.path)


def _absence(folder: Path, file: ModelFile) -> str:
    """Say why a file is not there: its folder is empty or absent, or its archive was not unpacked."""
    try:
        if next(folder.iterdir(), None) is None:
            return "the folder is empty"
        if file.archive and (folder / file.archive).is_file():
            return f"{file.archive} lies here, not unpacked; `swapdrop models pull {file.name}` unpacks it"
    except OSError as error:
        return reason(error)
    return NOT_THERE


def _missing(missing: Missing) -> ModelMissing:
    name = missing.file.name
    where = [str(candidate) for candidate in missing.candidates]
    if not missing.file.verifiable:
        return ModelMissing(
            f"The model file {name} cannot be used: no checksum is known to verify it by.", where
        )
    state = "damaged or not the right one" if missing.bad else "missing"
    return ModelMissing(
        f"The model file {name} is {state}; `swapdrop models pull {name}` gets it.", where, pullable=True
    )


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if text.endswith(".") else f"{text}."
