"""What a file's C2PA manifest vouches for, whether it holds, and what was changed since."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import c2pa

from pipeline.media.sniff import MediaType
from pipeline.signing.manifest import ASSERTION, library_settings

State = Literal["trusted", "untrusted", "invalid", "unsigned", "elsewhere"]
"""Whether a signature holds, by somebody trusted or unknown, or not; or there is none, or none here."""
SIDECAR: Final = ".c2pa"
"""What the name of a manifest's file adds to that of the one beside it that it is about: `clip.mkv.c2pa`."""
_STATES: Final[Mapping[str, State]] = {"Trusted": "trusted", "Valid": "untrusted", "Invalid": "invalid"}
_UNTRUSTED: Final = "signingCredential.untrusted"
_TRUSTED: Final = "signingCredential.trusted"
_ELSEWHERE: Final = "manifest.inaccessible"
"""C2PA's code of a manifest that lies at an address, from which nothing is fetched here."""
_MAX_MANIFEST_BYTES: Final = 64 << 20
_MAX_SHOWN: Final = 300


@dataclass(frozen=True, kw_only=True)
class IngredientSignature:
    """What a manifest says of a file that was used."""

    name: str
    #: `parentOf` is what was changed, `inputTo` what was used for it.
    relationship: str
    #: How its own signature stood when it was used.
    state: State
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A file's own signature."""

    #: `invalid` also where the file was changed since; `untrusted` where nobody here knows who signed it.
    state: State
    #: Whose certificate it is, and who issued it.
    signed_by: str | None = None
    issued_by: str | None = None
    #: When, by an authority's time stamp; None without one.
    signed_at: str | None = None
    #: Which job it is the result of, where our own signer says so.
    job: str | None = None
    #: What is wrong, each with C2PA's code.
    faults: tuple[str, ...] = ()
    ingredients: tuple[IngredientSignature, ...] = ()


def read_signature(path: Path, media: MediaType, *, anchors: str = "") -> Signature | None:
    """Read the manifest in a file, else that beside it; None where there is neither.

    Beside it is `clip.mkv.c2pa`, or `clip.c2pa` as other tools and earlier versions name it.

    Args:
        path: the file.
        media: what `sniff` says of it.
        anchors: roots in PEM by which signers are trusted.

    Raises:
        OSError: the file cannot be read.
    """
    context = c2pa.Context(c2pa.Settings.from_dict(library_settings(anchors)))
    with path.open("rb") as file:
        try:
            if media.content_type in c2pa.Reader.get_supported_mime_types():
                reader = c2pa.Reader.try_create(media.content_type, file, context=context)
                if reader is not None:
                    return _signature(reader)
            for beside in (path.with_name(path.name + SIDECAR), path.with_suffix(SIDECAR)):
                if path == beside or not beside.is_file():
                    continue
                file.seek(0, io.SEEK_SET)
                manifest = beside.read_bytes()[:_MAX_MANIFEST_BYTES]
                return _signature(c2pa.Reader(media.content_type, file, manifest, context=context))
        except c2pa.C2paError as error:
            if str(error).startswith("Remote"):
                return Signature(state="elsewhere")
            return Signature(state="invalid", faults=(_shown(f"The manifest cannot be read: {error}"),))
    return None


def _signature(reader: c2pa.Reader) -> Signature:
    with reader:
        store = json.loads(reader.json())
    active = store.get("manifests", {}).get(store.get("active_manifest"), {})
    info = active.get("signature_info") or {}
    results = store.get("validation_results") or {}
    return Signature(
        state=_STATES.get(store.get("validation_state", ""), "invalid"),
        signed_by=_text(info.get("common_name")),
        issued_by=_text(info.get("issuer")),
        signed_at=_text(info.get("time")),
        job=_job(active.get("assertions") or ()),
        faults=tuple(_faults(results.get("activeManifest"))),
        ingredients=_in_order(map(_ingredient, active.get("ingredients") or ())),
    )


def _job(assertions: Sequence[Mapping[str, Any]]) -> str | None:
    data = next((each.get("data") for each in assertions if each.get("label") == ASSERTION), None)
    return _text(data.get("job")) if isinstance(data, dict) else None


def _in_order(given: Iterable[IngredientSignature]) -> tuple[IngredientSignature, ...]:
    """What was changed first: a manifest begins with what is only named in it."""
    return tuple(sorted(given, key=lambda each: each.relationship != "parentOf"))


def _ingredient(given: Mapping[str, Any]) -> IngredientSignature:
    results = given.get("validation_results") or {}
    own = results.get("activeManifest")
    deltas = [delta.get("validationDeltas") for delta in results.get("ingredientDeltas") or ()]
    faults = tuple(fault for each in (own, *deltas) for fault in _faults(each))
    return IngredientSignature(
        name=_text(given.get("title")) or "",
        relationship=_text(given.get("relationship")) or "",
        state=_state_of(own, faults),
        faults=faults,
    )


def _state_of(results: Mapping[str, Any] | None, faults: Sequence[str]) -> State:
    if results is None:
        return "unsigned"
    if any(each.get("code") == _ELSEWHERE for each in results.get("failure") or ()):
        return "elsewhere"
    if faults:
        return "invalid"
    codes = {each.get("code") for each in results.get("success") or ()}
    return "trusted" if _TRUSTED in codes else "untrusted"


def _faults(results: Mapping[str, Any] | None) -> Iterator[str]:
    """What is wrong, but for what is a state of its own."""
    for each in (results or {}).get("failure") or ():
        if each.get("code") not in (_UNTRUSTED, _ELSEWHERE):
            yield _shown(f"{each.get('explanation') or 'no explanation'} ({each.get('code')})")


def _text(given: object) -> str | None:
    return _shown(given) if isinstance(given, str) and given else None


def _shown(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:_MAX_SHOWN]
