"""The jobs that swap faces in a picture or an animation, `single-image` and `multi-image`."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from consumer.jobs.context import JobContext
from consumer.jobs.marks import carry_marks, named_sources, sign_body, sign_file, target_picture, to_marks
from consumer.jobs.pixels import Finish, Finisher
from consumer.jobs.records import to_outcome, to_warnings
from consumer.jobs.swap_request import find_blend, find_choice, open_engine, source_files, wanted_pictures
from consumer.jobs.together import together
from consumer.jobs.watermark import watermark_for
from pipeline.errors import NoFaceInSource
from pipeline.faces.select import largest
from pipeline.marks.provenance import Mark
from pipeline.media.pictures.decode import Picture, decode
from pipeline.media.target import FRAMES_IN_FLIGHT
from pipeline.media.writer import FrameWriter, Written
from pipeline.swap.naming import naming, source_title
from pipeline.swap.request import SwapRequest
from pipeline.swap.run import SwapRun
from pipeline.swap.sources import SourceSet
from pipeline.swap.turned import find_either_way_up
from storage.lease.leases import Output
from storage.records.manifest import source_pictures

_STEP_BYTES: Final = 4 * 2**20  # of disk for a result that grows


async def run(context: JobContext) -> Output:
    """Put the faces of the sources onto faces of the target, the largest of it or those that were named.

    Raises:
        InputError: a file cannot be used, or has no face to take or to change.
        InvalidManifest: `detection` is none of a picture.
    """
    swap = await open_swap(context)
    try:
        return await _swap(context, swap)
    finally:  # a job that fails, too, tells what was found
        context.note(warnings=to_warnings(swap.notices), faces=[to_outcome(face) for face in swap.faces])


async def _swap(context: JobContext, swap: SwapRun) -> Output:
    async with context.memory(swap.memory_bytes(context.manifest.options.output_format)):
        await prepare_sources(context, swap)
        finish = Finish(label=context.services.label, watermark=watermark_for(context, swap.target.size))
        mark, finisher = context.mark(finish.mark_id), Finisher(finish)
        if swap.target.total == 1:
            with io.BytesIO() as sink:
                written = await _swap_frames(context, swap, mark, finisher, sink)
                body = await sign_body(context, sink.getvalue(), written.media)
                return _output(context, written, mark, body=body)
        path = context.workspace.path("result")  # what moves may become larger than memory should hold
        with path.open("w+b") as file:
            written = await _swap_frames(context, swap, mark, finisher, file, _Room(context, file).follow)
        path, _ = await sign_file(context, path, written.media)
        return _output(context, written, mark, path=path)


async def open_swap(context: JobContext) -> SwapRun:
    """Get the engine and the files, and read the files' headers."""
    manifest, limits = context.manifest, context.services.limits
    loaded = await open_engine(context)
    files = await context.fetch(*wanted_pictures(context), manifest.target, limit=limits.max_bytes)
    request = SwapRequest(
        sources=source_files(manifest, files),
        target=files[manifest.target].read(),
        choice=await find_choice(context, files),
        blend=find_blend(context, loaded),
        face_filter=context.services.face_filter,
        averaged=isinstance(manifest.source, list),
    )
    inputs = [target_picture(files[manifest.target]), *named_sources(context, files)]
    del files
    context.progress.report("decode")
    swap = await context.on_cpu(partial(loaded.swapper.open, request, limits, context.timings))
    await carry_marks(context, inputs)  # of files that are known to be what they should be
    return swap


async def prepare_sources(context: JobContext, sources: SwapRun | SourceSet) -> None:
    """Make ready the sources that are not kept from earlier jobs."""
    for name in sources.unprepared:
        picture = await context.on_cpu(partial(sources.load, name))
        context.progress.report("detect")
        await context.on_device_in_steps(
            sources.prepare(name, picture), partial(context.progress.report, "detect")
        )
        del picture


class _Room:
    """Disk space for a result that grows: held in steps, as nobody knows how large it will be."""

    def __init__(self, context: JobContext, file: BinaryIO) -> None:
        self._context = context
        self._file = file
        self._held = 0

    async def follow(self) -> None:
        """Hold what has been written, and the next step; raises DiskFull, InputTooLarge."""
        while self._file.tell() > self._held:
            await self._context.disk(_STEP_BYTES)
            self._held += _STEP_BYTES


async def _no_room_needed() -> None:
    """What lies in memory takes no disk."""


async def _swap_frames(
    context: JobContext,
    swap: SwapRun,
    mark: Mark,
    finisher: Finisher,
    sink: BinaryIO,
    follow: Callable[[], Awaitable[None]] = _no_room_needed,
) -> Written:
    """Decode, change and encode frame by frame, all three at once on different frames.

    `follow` is awaited after each frame that was written.
    """
    options = context.manifest.options
    writer = swap.target.writer(
        requested=options.output_format,
        quality=options.image_quality,
        mark=mark,
        sink=sink,
        keep_date=options.keep_date,
    )
    # A frame is held from before it is decoded until it is encoded, which bounds memory whatever the length.
    room = asyncio.Semaphore(FRAMES_IN_FLIGHT)
    decoded: asyncio.Queue[Picture] = asyncio.Queue()
    changed: asyncio.Queue[tuple[Picture, bool]] = asyncio.Queue()

    async def decode() -> None:
        for _ in range(swap.target.total):
            await room.acquire()
            decoded.put_nowait(await context.on_cpu(swap.read_frame))

    def write(frame: Picture, *, changed: bool) -> None:
        if writer.takes(changed=changed):
            # In what moves the label stays where it is, wherever faces go.
            finisher.on_picture(frame, [face.box for face in swap.faces] if swap.target.total == 1 else ())
            writer.add(frame, changed=changed)

    async def encode() -> None:
        for _ in range(swap.target.total):
            frame, is_changed = await changed.get()
            await context.on_cpu(partial(write, frame, changed=is_changed), stage="encode")
            await follow()
            del frame
            room.release()

    async with together() as group:
        group.create_task(decode())
        group.create_task(_change(context, swap, decoded, changed))
        group.create_task(encode())
    return await _finish(context, swap, writer)


async def _change(
    context: JobContext,
    swap: SwapRun,
    decoded: asyncio.Queue[Picture],
    changed: asyncio.Queue[tuple[Picture, bool]],
) -> None:
    """Take every frame to the device, in steps between which other jobs have their turn."""

    def report() -> None:
        context.progress.report("swap", *swap.progress, unit=swap.target.unit)

    for _ in range(swap.target.total):
        frame = await decoded.get()
        work = swap.begin(frame)
        report()
        await context.on_device_until_done(work.step, report)
        changed.put_nowait((frame, work.changed))
        del frame, work
    context.leave_device()
    context.progress.report("encode", *swap.progress, unit=swap.target.unit)


async def _finish(context: JobContext, swap: SwapRun, writer: FrameWriter) -> Written:
    """Complete the file, and note what became of each face; a swap of no face has no result."""
    result = swap.result()
    written = await context.on_cpu(writer.finish, stage="encode")
    context.note(
        faces=[to_outcome(face) for face in result.faces],
        warnings=to_warnings((*result.notices, *written.notices)),
    )
    return written


def _output(
    context: JobContext, written: Written, mark: Mark, *, body: bytes | None = None, path: Path | None = None
) -> Output:
    return Output(
        body=body,
        path=path,
        extension=written.media.extension,
        content_type=written.media.content_type,
        width=written.width,
        height=written.height,
        faces_swapped=sum(face.swapped for face in context.known.faces or ()),
        frames=written.frames,
        duration_s=written.duration_s,
        marks=to_marks(context, mark),
    )


async def check_sources(context: JobContext) -> None:
    """Look for a usable face in every source, before the same fault is told of a thousand targets.

    Raises:
        InputError: a source cannot be used; says which.
    """
    manifest, limits = context.manifest, context.services.limits
    loaded = await context.engine(manifest.options.engine)
    sources = source_pictures(manifest)
    files = await context.fetch(*sources.values(), limit=limits.max_bytes)
    for name, reference in sources.items():
        with naming(source_title(name)):
            picture = await context.on_cpu(partial(decode, files[reference].read(), limits))
            if loaded.swapper.content is not None:
                await context.on_cpu(partial(loaded.swapper.content.source, picture))
            finding = find_either_way_up(loaded.engine, picture.bgr)
            faces = (
                await context.on_device_in_steps(finding, partial(context.progress.report, "detect"))
            ).faces
            if not faces:
                raise NoFaceInSource
            if loaded.swapper.minors is not None:
                await context.on_device(partial(loaded.swapper.minors.source, picture.bgr, largest(faces)))
