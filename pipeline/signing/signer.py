"""Signs results by C2PA: in the file where its format can hold that, else beside it."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO, Final

import c2pa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE
from pipeline.media.pictures.png import PNG_HEADER_BYTES, png_chunk, png_chunks_unread
from pipeline.signing.certificates import CURVES, Chain
from pipeline.signing.keys import Sign, Signatures
from pipeline.signing.port import Draft, Ingredient, SigningFailed, Statement

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


class C2paSigner:
    """See `ResultSigner`."""

    def __init__(self, chain: Chain, sign: Sign, *, tsa_url: str | None = None, anchors: str = "") -> None:
        """Sign by a chain that `check_chain` has passed.

        Args:
            chain: the signer's certificate and those between it and its root.
            sign: what signs with the leaf's key, on this machine or where that lies.
            tsa_url: who stamps the time (RFC 3161); without it signatures end with the certificate.
            anchors: roots in PEM by which ingredients count as trusted.
        """
        public = chain.leaf.public_key()
        if not isinstance(public, EllipticCurvePublicKey):
            raise TypeError("a chain that was checked has a key on a curve")
        self.signed_by = chain.name
        self.expires_at = chain.expires_at
        algorithm = c2pa.C2paSigningAlg[CURVES[public.curve.name]]
        self._signatures = Signatures(sign, public)
        with _library_faults():
            self._context = c2pa.Context(
                c2pa.Settings.from_dict(library_settings(anchors)),
                c2pa.Signer.from_callback(self._signatures, algorithm, chain.pem, tsa_url),
            )

    def draft(self, statement: Statement, ingredients: Sequence[Ingredient]) -> Draft:
        """Begin a result's manifest; an ingredient whose own cannot be read at all is named without it."""

        def begin(unread: set[str]) -> c2pa.Builder:
            definition = _definition(statement, ingredients, unread)
            return c2pa.Builder(json.dumps(definition), context=self._context)

        unread = set[str]()
        while True:
            with _library_faults():
                builder = begin(unread)
            refused = _add(builder, [each for each in ingredients if each.name not in unread])
            if refused is None:
                plainer = partial(begin, {each.name for each in ingredients})
                return C2paDraft(builder, plainer, self._signatures.failure)
            builder.close()
            unread.add(refused)


class C2paDraft:
    """See `Draft`."""

    def __init__(
        self,
        builder: c2pa.Builder,
        plainer: Callable[[], c2pa.Builder],
        failure: Callable[[], Exception | None],
    ) -> None:
        """Begin with a manifest, one that only names its ingredients, and why the key has not signed."""
        self._builder = builder
        self._plainer = plainer
        self._failure = failure

    def plain(self) -> "C2paDraft":
        """Begin another, whose ingredients are only named."""
        with _library_faults():
            return C2paDraft(self._plainer(), self._plainer, self._failure)

    def sign(self, source: BinaryIO, sink: BinaryIO, content_type: str) -> bytes | None:
        """Sign a finished file."""
        with _library_faults(self._failure):
            try:
                return self._sign(source, sink, content_type)
            except c2pa.C2paError.Decoding:  # by an ingredient's own manifest, which was taken until now
                self._builder.close()
                self._builder = self._plainer()
                source.seek(0)
                sink.seek(0)
                sink.truncate()
                return self._sign(source, sink, content_type)

    def _sign(self, source: BinaryIO, sink: BinaryIO, content_type: str) -> bytes | None:
        beside = content_type not in c2pa.Builder.get_supported_mime_types()
        if beside:
            self._builder.set_no_embed()
        manifest: bytes = self._builder.sign(content_type, source, sink)
        return manifest if beside else None

    def close(self) -> None:
        """Let go of it."""
        self._builder.close()


def _add(builder: c2pa.Builder, ingredients: Sequence[Ingredient]) -> str | None:
    """Add ingredients to a manifest; returns the name of the first that is refused."""
    for each in ingredients:
        with _opened(each) as file:
            try:
                builder.add_ingredient(_ingredient(each), each.content_type, file)
            except c2pa.C2paError:
                return each.name
    return None


def _opened(each: Ingredient) -> BinaryIO:
    """What the library is to look for an ingredient's manifest in.

    Of a PNG that has none, and no text that may tell of one elsewhere, that is only the beginning: to go over
    its chunks takes longer than to sign, as the library does so call by call.
    """
    if not isinstance(each.file, bytes):
        return each.file.open("rb")
    if each.content_type == "image/png":
        kinds = {kind for kind, _, _ in png_chunks_unread(each.file)}
        if kinds.isdisjoint(_CHUNKS_THAT_SAY):
            return io.BytesIO(each.file[:PNG_HEADER_BYTES] + png_chunk(b"IEND", b""))
    return io.BytesIO(each.file)


def _ingredient(each: Ingredient) -> Mapping[str, str]:
    relationship = "parentOf" if each.is_target else "inputTo"
    return {
        "title": each.name,
        "format": each.content_type,
        "relationship": relationship,
        "label": each.name,
        "instance_id": each.name,  # else that of the input's XMP, which is its owner's
    }


def _definition(
    statement: Statement, ingredients: Sequence[Ingredient], unread: set[str]
) -> Mapping[str, object]:
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
        "ingredients": [_ingredient(each) for each in ingredients if each.name in unread],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": ASSERTION, "data": result},
        ],
    }


@contextmanager
def _library_faults(failure: Callable[[], Exception | None] = lambda: None) -> Iterator[None]:
    try:
        yield
    except c2pa.C2paError as error:
        cause = failure() or error
        raise SigningFailed(f"The result could not be signed: {cause}") from cause
