"""Signs results by C2PA: in the file where its format can hold that, else beside it."""

import json
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import BinaryIO

import c2pa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from pipeline.signing.certificates import CURVES, Chain
from pipeline.signing.keys import Sign, Signatures
from pipeline.signing.manifest import definition, described, library_settings, opened, says_nothing
from pipeline.signing.port import Draft, Ingredient, SigningFailed, Statement


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
        """Begin a result's manifest; an ingredient that has none or an unreadable one is only named."""

        def begin(unread: AbstractSet[str]) -> c2pa.Builder:
            manifest = definition(statement, named, unread)
            return c2pa.Builder(json.dumps(manifest), context=self._context)

        named = [replace(each, file=b"") for each in ingredients]  # what is kept of them
        unread = {each.name for each in ingredients if says_nothing(each)}
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
        with opened(each) as file:
            try:
                builder.add_ingredient(described(each), each.content_type, file)
            except c2pa.C2paError:
                return each.name
    return None


@contextmanager
def _library_faults(failure: Callable[[], Exception | None] = lambda: None) -> Iterator[None]:
    try:
        yield
    except c2pa.C2paError as error:
        cause = failure() or error
        raise SigningFailed(f"The result could not be signed: {cause}") from cause
