"""What a manifest says, and how the library is told to write and read one."""

import io
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, BinaryIO, Final

from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE
from pipeline.media.pictures.png import png_chunks_unread
from pipeline.signing.port import Ingredient, Statement

ASSERTION: Final = "org.swapdrop.result"
"""The label of what is said beside what C2PA has words for."""
_CHUNKS_THAT_SAY: Final = (b"caBX", b"iTXt")
"""Where a PNG has a manifest, and XMP that may tell of one elsewhere."""


def library_settings(anchors: str = "") -> dict[str, Any]:
    """What `c2pa` is to do beside what it is told: neither fetch nor show anything.

    A thumbnail would put the source's face into the result; by its default it would. Nor does it read again
    what it has signed, which takes as long once more: `Signatures` looks whether the signature is right.
    """
    return {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
        "builder": {
            "thumbnail": {"enabled": False},
            # Else they are written down as gathered from others, and for those a signer does not vouch.
            "created_assertion_labels": ["c2pa.actions", "c2pa.ingredient", ASSERTION],
        },
        "core": {"backing_store_memory_threshold_in_mb": 16},  # what is larger goes through the disk
        **({"trust": {"user_anchors": anchors}} if anchors else {}),
    }


def opened(each: Ingredient) -> BinaryIO:
    """What the library is to look for an ingredient's manifest in."""
    return io.BytesIO(each.file) if isinstance(each.file, bytes) else each.file.open("rb")


def says_nothing(each: Ingredient) -> bool:
    """Whether an ingredient is known to have no manifest: a PNG without one, or XMP that may tell of it.

    For the library to go over its chunks takes longer than to sign, as it does so call by call.
    """
    if each.content_type != "image/png" or not isinstance(each.file, bytes):
        return False
    return {kind for kind, _, _ in png_chunks_unread(each.file)}.isdisjoint(_CHUNKS_THAT_SAY)


def described(each: Ingredient) -> Mapping[str, str]:
    """What a manifest calls an ingredient; nothing of what that says of itself."""
    relationship = "parentOf" if each.is_target else "inputTo"
    return {
        "title": each.name,
        "format": each.content_type,
        "relationship": relationship,
        "label": each.name,
        "instance_id": each.name,  # else that of the input's XMP, which is its owner's
    }


def definition(
    statement: Statement, ingredients: Sequence[Ingredient], unread: AbstractSet[str]
) -> Mapping[str, object]:
    """A manifest as the library takes it; ingredients of the names in `unread` are only named in it."""
    mark = statement.mark
    agent = {"name": mark.system, "version": mark.version}
    targets = [each.name for each in ingredients if each.is_target]
    sources = [each.name for each in ingredients if not each.is_target]
    actions = [
        {"action": "c2pa.opened", "parameters": {"ingredientIds": targets}},
        {
            "action": "c2pa.edited",
            "description": "faces replaced",
            "digitalSourceType": DIGITAL_SOURCE_TYPE,
            "softwareAgent": agent,
            "parameters": {"ingredientIds": sources},
        },
    ]
    result = {
        "id": mark.output_id,
        "job": statement.job,
        "provider": mark.provider,
        "engine": statement.engine,
        "models": dict(statement.models),
        "inputs": {each.name: each.sha256 for each in ingredients},
        **({} if statement.consent is None else {"consent": dict(statement.consent)}),
    }
    return {
        "claim_generator_info": [agent],
        "title": mark.output_id,
        "ingredients": [described(each) for each in ingredients if each.name in unread],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": ASSERTION, "data": result},
        ],
    }
