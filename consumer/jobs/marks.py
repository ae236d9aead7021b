"""Marks and signature of a result: what its inputs say of themselves, what it says, who vouches for it."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Final

from consumer.jobs.context import JobContext
from pipeline.marks.claims import Claim
from pipeline.marks.provenance import Mark
from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE
from pipeline.media.packets import picture_claim
from pipeline.media.sniff import SNIFF_BYTES, MediaType, sniff
from pipeline.media.video.packets import video_claim
from pipeline.signing.port import Draft, Ingredient, Statement
from storage.inputs.fetch import FetchedInput
from storage.lease.outcome import Extra
from storage.records.manifest import source_pictures
from storage.records.status import EarlierMark, Marks

_TARGET: Final = "target"
_MANIFEST_BYTES: Final = 1 << 20
"""Room for a manifest in a file; it has some 14 KB, and as much again for each signed file it was made of."""


def named_sources(context: JobContext, files: Mapping[str, FetchedInput]) -> list[Ingredient]:
    """The pictures whose faces are put in, by the names that messages call them."""
    named = source_pictures(context.manifest)
    return [_of_picture(name, files[reference]) for name, reference in named.items()]


def target_picture(file: FetchedInput) -> Ingredient:
    """The picture that is changed."""
    return _of_picture(_TARGET, file)


def target_video(path: Path, media: MediaType, sha256: str) -> Ingredient:
    """The video that is changed."""
    return Ingredient(name=_TARGET, content_type=media.content_type, file=path, sha256=sha256)


async def carry_marks(context: JobContext, inputs: Sequence[Ingredient]) -> None:
    """Have the result say what its inputs, the target first, say of themselves; begin its manifest if signed.

    Raises:
        SigningFailed: a manifest could not be begun.
    """
    claims = await context.on_cpu(lambda: [_claim(each) for each in inputs])
    context.carry(claim for claim in claims if claim is not None)
    signer = context.services.signer
    if signer is not None:
        consent = context.manifest.consent
        engine = context.known.engine
        statement = Statement(
            mark=context.mark(),
            job=context.job_id,
            engine=f"{engine.name} {engine.version}" if engine else "",
            models=engine.models if engine else {},
            consent=None if consent is None else consent.model_dump(exclude_none=True),
        )
        context.draft = await context.on_cpu(partial(signer.draft, statement, inputs))


async def sign_body(context: JobContext, body: bytes, media: MediaType) -> bytes:
    """Sign a picture where results are signed; raises SigningFailed."""
    draft = context.draft
    if draft is None:
        return body

    return await context.on_cpu(partial(_signed, draft, body, media.content_type), stage="encode")


async def sign_extra(context: JobContext, extra: Extra) -> Extra:
    """Sign what goes with a result where results are signed; raises SigningFailed."""
    draft = context.draft
    if draft is None:
        return extra

    def sign() -> bytes:
        with closing(draft.plain()) as beside:
            return _signed(beside, extra.body, extra.content_type)

    return replace(extra, body=await context.on_cpu(sign, stage="encode"))


async def sign_file(context: JobContext, path: Path, media: MediaType) -> tuple[Path, Extra | None]:
    """Sign a file of the workspace where results are signed; it is gone then, and the signed one there.

    Where the format cannot hold a manifest it stays as it is, and the manifest comes beside it.

    Raises:
        SigningFailed: it could not be signed.
        InputTooLarge, DiskFull: there is no room for another.
    """
    draft = context.draft
    if draft is None:
        return path, None
    size_bytes = path.stat().st_size  # noqa: ASYNC240 -- of a file that was just written
    await context.disk(size_bytes + _MANIFEST_BYTES)
    signed = path.with_stem(f"{path.stem}-signed")
    with context.unmeasured():
        manifest = await context.on_cpu(partial(_sign, draft, path, signed, media), stage="encode")
    context.workspace.release(size_bytes)
    if manifest is None:
        return signed, None
    return path, Extra(body=manifest, extension="c2pa", content_type="application/c2pa")


def to_marks(context: JobContext, mark: Mark) -> Marks:
    """A mark as the record tells of it, and who signed the result."""
    signer = context.services.signer
    return Marks(
        digital_source_type=DIGITAL_SOURCE_TYPE,
        provider=mark.provider,
        system=mark.system,
        version=mark.version,
        created_at=mark.created_at,
        output_id=mark.output_id,
        watermark=mark.watermark,
        earlier=tuple(EarlierMark(**_alone(claim)) for claim in mark.earlier),
        signed_by=None if signer is None else signer.signed_by,
    )


def claim_of(path: Path, media: MediaType | None = None) -> Claim | None:
    """What a picture or video says of its own making; `media` is what `sniff` says of it, where known.

    Raises:
        OSError: it cannot be read.
    """
    if media is None:
        with path.open("rb") as file:
            media = sniff(file.read(SNIFF_BYTES))
    return video_claim(path, media) if media.kind == "video" else picture_claim(path.read_bytes(), media)


def _claim(each: Ingredient) -> Claim | None:
    if isinstance(each.file, Path):
        return claim_of(each.file)
    return picture_claim(each.file, sniff(each.file[:SNIFF_BYTES]))


def _of_picture(name: str, file: FetchedInput) -> Ingredient:
    body = file.read()
    media = sniff(body[:SNIFF_BYTES])
    return Ingredient(name=name, content_type=media.content_type, file=body, sha256=file.sha256)


def _signed(draft: Draft, body: bytes, content_type: str) -> bytes:
    with BytesIO(body) as source, BytesIO() as sink:
        draft.sign(source, sink, content_type)
        return sink.getvalue()


def _sign(draft: Draft, path: Path, signed: Path, media: MediaType) -> bytes | None:
    """Whichever of the two files is not the result is removed."""
    try:
        with path.open("rb") as source, signed.open("w+b") as sink:
            manifest = draft.sign(source, sink, media.content_type)
    except BaseException:
        signed.unlink(missing_ok=True)
        raise
    (path if manifest is None else signed).unlink()
    return manifest


def _alone(claim: Claim) -> dict[str, str | None]:
    return {name: value for name, value in asdict(claim).items() if name != "earlier"}
