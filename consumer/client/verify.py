"""What a file says of its own making and who vouches for it, put for people and for programs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from consumer.client.targets import sniff_file
from consumer.client.watermark import WatermarkLook, look_for_watermark
from consumer.client.watermark import in_words as watermark_in_words
from consumer.config.extras import how_to_add
from consumer.config.settings import Settings
from consumer.jobs.marks import claim_of
from consumer.jobs.signer import read_anchors
from pipeline.errors import UnsupportedMedia
from pipeline.marks.claims import Claim
from pipeline.media.sniff import MediaType

if TYPE_CHECKING:
    from pipeline.signing.reading import Signature

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
NOT_PROOF: Final = "Anybody can write such words into a file or take them out; unsigned they prove nothing."
NO_MARKS: Final = "The file says nothing of its making. It may be altered all the same: marks are soon lost."
_SIGNATURES: Final = {
    "trusted": "holds: the file is as it was signed, by somebody who is trusted here",
    "untrusted": "holds: the file is as it was signed, but nobody here knows by whom (SWAPDROP_C2PA_TRUST)",
    "elsewhere": "at an address that the file names, from which nothing is fetched",
    "invalid": "does not hold: the file was changed after it was signed, or not signed as it must be",
}
_INGREDIENTS: Final = {
    "trusted": "its signature held",
    "untrusted": "its signature held, by somebody unknown",
    "invalid": "its signature did not hold: it was changed after it was signed",
    "unsigned": "it was not signed",
    "elsewhere": "its signature is at an address that it names",
}
_RELATIONSHIPS: Final = {"parentOf": "what was changed", "inputTo": "used for it"}


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A file that was looked at."""

    path: Path
    media: MediaType
    claim: Claim | None
    signature: "Signature | None"
    #: Whether a signature was looked for.
    reads_signatures: bool
    watermark: WatermarkLook

    @property
    def holds(self) -> bool:
        """Whether there is a mark, a watermark or a signature, and no signature that does not hold."""
        if self.signature is None or self.signature.state == "elsewhere":
            reading = self.watermark.reading
            return self.claim is not None or (reading is not None and reading.is_there)
        return self.signature.state != "invalid"


def verify_file(path: Path, settings: Settings) -> Verified:
    """Look at a picture or video.

    Raises:
        UnsupportedMedia: it is neither.
        SettingsError: the roots that are trusted cannot be read, or the places of model files be told.
        OSError: it cannot be read.
    """
    media = sniff_file(path)
    if media.kind == "other":
        raise UnsupportedMedia(f"{path} is {media.label}; give a picture or a video.")
    signature, reads = None, find_spec("c2pa") is not None
    if reads:
        from pipeline.signing.reading import read_signature  # noqa: PLC0415 -- of an extra

        signature = read_signature(path, media, anchors=read_anchors(settings.c2pa_trust))
    claim = claim_of(path, media)
    named = None if claim is None else claim.watermark
    return Verified(
        path=path,
        media=media,
        claim=claim,
        watermark=look_for_watermark(path, media, settings, named=named),
        signature=signature,
        reads_signatures=reads,
    )


def as_json(verified: Verified) -> dict[str, Any]:
    """What was found, as JSON has it."""
    claim, signature = verified.claim, verified.signature
    return {
        "file": str(verified.path),
        "kind": verified.media.name,
        "marked": claim is not None,
        "marks": None if claim is None else asdict(claim),
        "watermarks_looked_for": verified.watermark.why_not is None,
        "watermark": _watermark(verified.watermark),
        "signatures_looked_for": verified.reads_signatures,
        "signature": None if signature is None else asdict(signature),
    }


def in_words(verified: Verified) -> Iterator[tuple[str, str]]:
    """What was found for people, a line each."""
    yield "file", verified.media.label
    claim = verified.claim
    if claim is None:
        yield "marks", "none"
    else:
        yield from _lines(claim)
        for earlier in claim.earlier:
            lines = (words if name == "made" else f"{name} {words}" for name, words in _lines(earlier))
            yield "made of", ", ".join(lines)
    yield "watermark", watermark_in_words(verified.watermark)
    if verified.signature is None:
        yield "signature", "none" if verified.reads_signatures else _no_extra()
    else:
        yield from _signature_lines(verified.signature)


def _no_extra() -> str:
    return f"not looked for; that needs the extra `c2pa`: {how_to_add('c2pa')}"


def _watermark(look: WatermarkLook) -> dict[str, Any] | None:
    """A reading, with what is made of it; also where it is told to be none."""
    reading = look.reading
    if reading is None:
        return None
    found = {"named_by_marks": look.named, "is_there": reading.is_there, "matches": reading.matches}
    return {**asdict(reading), **found}


def _signature_lines(signature: "Signature") -> Iterator[tuple[str, str]]:
    yield "signature", _SIGNATURES[signature.state]
    if signature.signed_by or signature.issued_by:
        issuer = f", certified by {signature.issued_by}" if signature.issued_by else ""
        yield "signed by", f"{signature.signed_by or 'nobody by name'}{issuer}"
    if signature.signed_at:
        yield "stamped", signature.signed_at
    if signature.job:
        yield "job", signature.job
    yield from (("fault", fault) for fault in signature.faults)
    for each in signature.ingredients:
        use = _RELATIONSHIPS.get(each.relationship, each.relationship)
        words = filter(None, (each.name, use, _INGREDIENTS[each.state], *each.faults))
        yield "ingredient", ", ".join(words)


def _lines(claim: Claim) -> Iterator[tuple[str, str]]:
    if claim.digital_source_type is not None:
        word = claim.digital_source_type.rpartition("/")[2]
        yield "made", _KINDS.get(word, word)
    system = " ".join(filter(None, (claim.system, claim.version)))
    said = {"by": system, "run by": claim.provider, "at": claim.created_at, "id": claim.output_id}
    yield from ((name, words) for name, words in said.items() if words)
    if claim.aigc is not None:
        yield "AIGC label", claim.aigc
