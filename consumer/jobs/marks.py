"""Marks of a job's files: what inputs say of their making goes on into the result, and into its record."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from consumer.jobs.context import JobContext
from pipeline.marks.claims import Claim
from pipeline.marks.provenance import Mark
from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE
from pipeline.media.packets import picture_claim
from pipeline.media.sniff import SNIFF_BYTES, MediaType, sniff
from pipeline.media.video.packets import video_claim
from storage.inputs.fetch import FetchedInput
from storage.records.status import EarlierMark, Marks


async def carry_marks(
    context: JobContext, pictures: Iterable[FetchedInput], *, video: Path | None = None
) -> None:
    """Have the result say what the files that it is made of say of themselves; a video comes first."""

    def read() -> list[Claim | None]:
        claims = [] if video is None else [claim_of(video)]
        return claims + [_of_picture(picture.read()) for picture in pictures]

    claims = await context.on_cpu(read)
    context.carry(claim for claim in claims if claim is not None)


def to_marks(mark: Mark) -> Marks:
    """A mark as the record tells of it."""
    return Marks(
        digital_source_type=DIGITAL_SOURCE_TYPE,
        provider=mark.provider,
        system=mark.system,
        version=mark.version,
        created_at=mark.created_at,
        output_id=mark.output_id,
        earlier=tuple(EarlierMark(**_alone(claim)) for claim in mark.earlier),
    )


def _alone(claim: Claim) -> dict[str, str | None]:
    return {name: value for name, value in asdict(claim).items() if name != "earlier"}


def claim_of(path: Path, media: MediaType | None = None) -> Claim | None:
    """What a picture or video says of its own making; `media` is what `sniff` says of it, where known.

    Raises:
        OSError: it cannot be read.
    """
    if media is None:
        with path.open("rb") as file:
            media = sniff(file.read(SNIFF_BYTES))
    return video_claim(path, media) if media.kind == "video" else picture_claim(path.read_bytes(), media)


def _of_picture(data: bytes) -> Claim | None:
    return picture_claim(data, sniff(data[:SNIFF_BYTES]))
