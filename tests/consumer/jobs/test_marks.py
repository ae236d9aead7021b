"""What inputs say of their own making is in the result and in its record; who took a photograph is not."""

from consumer.jobs.context import SYSTEM
from pipeline.marks.claims import Claim
from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE, DIGITAL_SOURCE_TYPES, NAMESPACES
from pipeline.media.packets import picture_claim
from pipeline.media.sniff import sniff
from storage.records.status import EarlierMark, Status
from storage.stores.memory_store import MemoryStore
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import SOURCE_BGR, drop_job, ended, running
from tests.support.pictures import save, to_image

MADE = f"{DIGITAL_SOURCE_TYPES}trainedAlgorithmicMedia"
TAKEN = f"{DIGITAL_SOURCE_TYPES}digitalCapture"
_SPACES = " ".join(f'xmlns:{name}="{uri}"' for name, uri in NAMESPACES.items())


def packet(words: str) -> bytes:
    return f"<rdf:RDF {_SPACES}><rdf:Description {words}/></rdf:RDF>".encode()


TARGET = save(
    to_image(picture()),
    "TIFF",
    tiffinfo={700: packet(f"Iptc4xmpExt:DigitalSourceType='{MADE}' photoshop:Credit='Generator Co'")},
)
SOURCE = save(
    to_image(picture(colour=SOURCE_BGR)),
    "WEBP",
    lossless=True,
    xmp=packet(f"Iptc4xmpExt:DigitalSourceType='{TAKEN}' photoshop:Credit='Anna Private'"),
)


async def done(source: bytes, target: bytes) -> tuple[Status, bytes]:
    store = MemoryStore()
    async with running(store, FlatEngine(), operator="Us"):
        status = await ended(store, await drop_job(store, source=source, target=target))
    assert status.result is not None, status.error
    return status, (await store.get(status.result.key, max_bytes=10**6)).body


async def test_marks_of_target_and_source_go_on_and_a_photographer_does_not() -> None:
    status, body = await done(SOURCE, TARGET)
    claim = picture_claim(body, sniff(body))
    assert claim is not None
    assert claim.system == SYSTEM
    assert claim.earlier == (
        Claim(digital_source_type=MADE, provider="Generator Co"),
        Claim(digital_source_type=TAKEN),
    )
    assert b"Anna Private" not in body
    assert status.result is not None
    assert status.result.marks is not None
    assert status.result.marks.earlier == (
        EarlierMark(digital_source_type=MADE, provider="Generator Co"),
        EarlierMark(digital_source_type=TAKEN),
    )


async def test_the_record_tells_what_the_result_says_of_itself() -> None:
    status, body = await done(png(picture(colour=SOURCE_BGR)), png(picture()))
    assert status.result is not None
    marks = status.result.marks
    assert marks is not None
    claim = picture_claim(body, sniff(body))
    assert claim is not None
    assert (claim.earlier, marks.earlier) == ((), ())
    assert (marks.digital_source_type, marks.system, marks.provider) == (DIGITAL_SOURCE_TYPE, SYSTEM, "Us")
    assert (claim.output_id, claim.version, claim.provider) == (marks.output_id, marks.version, "Us")
    assert claim.created_at == marks.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_a_result_that_is_changed_again_tells_of_both_times() -> None:
    two = picture(faces=((4, 4, 24, 24), (40, 10, 16, 16)))  # of which the smaller is left as it is
    first, body = await done(png(picture(colour=SOURCE_BGR)), png(two))
    again, _ = await done(body, TARGET)
    assert first.result is not None
    assert first.result.marks is not None
    assert again.result is not None
    assert again.result.marks is not None
    assert [mark.output_id for mark in again.result.marks.earlier] == [None, first.result.marks.output_id]
    assert again.result.marks.output_id != first.result.marks.output_id
