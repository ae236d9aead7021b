"""What a file says of its own making, put for people and for programs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from consumer.client.targets import sniff_file
from consumer.jobs.marks import claim_of
from pipeline.errors import UnsupportedMedia
from pipeline.marks.claims import Claim
from pipeline.media.sniff import MediaType

# IPTC's words, https://cv.iptc.org/newscodes/digitalsourcetype/
_KINDS: Final = {
    "trainedAlgorithmicMedia": "made by a trained model",
    "compositeWithTrainedAlgorithmicMedia": "altered: a part was made by a trained model",
    "compositeSynthetic": "put together, with parts made by a machine",
    "algorithmicMedia": "made by a program",
    "algorithmicallyEnhanced": "retouched by a program",
    "digitalCapture": "taken by a camera",
    "computationalCapture": "taken by a camera, several pictures made one",
    "humanEdits": "edited by a person",
    "compositeCapture": "put together from pictures of cameras",
}
NOT_PROOF: Final = "Anybody can write such words into a file or take them out; they prove nothing."
NO_MARKS: Final = (
    "The file says nothing of its making. It may be altered all the same: marks are easily lost."
)


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A file that was looked at."""

    path: Path
    media: MediaType
    claim: Claim | None


def verify_file(path: Path) -> Verified:
    """Look at a picture or video.

    Raises:
        UnsupportedMedia: it is neither.
        OSError: it cannot be read.
    """
    media = sniff_file(path)
    if media.kind == "other":
        raise UnsupportedMedia(f"{path} is {media.label}; give a picture or a video.")
    return Verified(path=path, media=media, claim=claim_of(path, media))


def as_json(verified: Verified) -> dict[str, Any]:
    """What was found, as JSON has it."""
    return {
        "file": str(verified.path),
        "kind": verified.media.name,
        "marked": verified.claim is not None,
        "marks": None if verified.claim is None else asdict(verified.claim),
    }


def in_words(verified: Verified) -> Iterator[tuple[str, str]]:
    """What was found for people, a line each."""
    yield "file", verified.media.label
    claim = verified.claim
    if claim is None:
        yield "marks", "none"
        return
    yield from _lines(claim)
    for earlier in claim.earlier:
        yield (
            "made of",
            ", ".join(f"{name} {words}" if name != "made" else words for name, words in _lines(earlier)),
        )


def _lines(claim: Claim) -> Iterator[tuple[str, str]]:
    if claim.digital_source_type is not None:
        word = claim.digital_source_type.rpartition("/")[2]
        yield "made", _KINDS.get(word, word)
    system = " ".join(filter(None, (claim.system, claim.version)))
    said = {"by": system, "run by": claim.provider, "at": claim.created_at, "id": claim.output_id}
    yield from ((name, words) for name, words in said.items() if words)
    if claim.aigc is not None:
        yield "AIGC label", claim.aigc
