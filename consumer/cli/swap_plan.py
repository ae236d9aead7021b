"""What the words of `swapdrop swap` mean: which pictures, whose faces, and where each result goes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from consumer.cli.destination import Destination
from consumer.cli.swap_work import Item
from consumer.client.files import beside
from consumer.client.fingerprint import BatchRequest
from consumer.client.results import check_name, expected_extension, is_signed_beside, refuse_overwriting
from consumer.client.submission import WrongWords, describe, parse_faces, read_local, split_sources
from consumer.client.targets import (
    NoSuchFile,
    TargetFiles,
    check_words,
    find_targets,
    result_names,
    sniff_file,
)
from consumer.config.limits import face_filter_of, picture_limits
from consumer.config.settings import Settings
from pipeline.media.pictures.encode import OutputFormat
from storage.records.manifest import source_pictures


@dataclass(frozen=True, kw_only=True)
class SwapCommand:
    """What the command line asks for; see the help texts of `swapdrop swap`."""

    words: Sequence[str]
    output: Destination
    options: Mapping[str, Any]
    #: The manifest's consent, empty where nobody attests one.
    consent: Mapping[str, Any] = field(default_factory=dict)
    faces: Sequence[str] = ()
    reference: Path | None = None
    min_face_px: float | None = None
    recursive: bool = False
    force: bool = False
    sheet: Path | None = None
    #: Pictures of one person, or with `each` of several who are put onto every target.
    sources: Sequence[str] = ()
    each: bool = False
    #: Variables that go before those of the environment.
    settings: Mapping[str, str] = field(default_factory=dict)
    #: The folder of which `output` is the part of one of several sources.
    all_results: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The work cut out."""

    #: What is done to every picture.
    request: BatchRequest
    items: Sequence[Item]
    #: How many files in folders are neither picture nor video.
    ignored: int
    #: Whether it is one target whose result's path was given in full.
    single: bool


def one_by_one(command: SwapCommand) -> list[SwapCommand]:
    """The commands that one with `each` stands for: their results go to folders named as the sources are.

    Raises:
        WrongWords: there are no sources to take one by one, or no folder for their results.
    """
    if not command.each:
        return [command]
    sources, _ = split_sources(command.words, parse_faces(command.faces), command.sources, each=True)
    folder = command.output.folder()
    seen: Counter[str] = Counter()
    commands = []
    for source in map(str, sources):
        stem = Path(source).stem
        seen[stem.casefold()] += 1
        name = stem if seen[stem.casefold()] == 1 else f"{stem}-{seen[stem.casefold()]}"
        sheet = command.sheet and command.sheet.with_stem(f"{command.sheet.stem}-{name}")
        commands.append(
            replace(
                command,
                sources=[source],
                each=False,
                output=Destination(path=folder / name, is_folder=True),
                all_results=folder,
                sheet=sheet,
            )
        )
    return commands


def plan(command: SwapCommand, settings: Settings) -> Batch:
    """Find the pictures and name their results, before anything is done.

    Raises:
        NoSuchFile, WrongWords: the words lead nowhere, do not go together, or would overwrite a picture.
        InvalidManifest: an option is not one.
    """
    faces = parse_faces(command.faces)
    [source], words = split_sources(command.words, faces, command.sources, each=False)
    check_words(words)  # before the output is blamed for a word that leads nowhere
    single = (
        command.all_results is None
        and len(words) == 1
        and Path(words[0]).is_file()
        and not command.output.is_folder
    )
    output = command.output.path if single else command.output.folder()
    if output is None:
        raise ValueError("a plan is made for a file or a folder")
    options = _as_named(output, command.options) if single else command.options
    manifest = read_local(describe(source, words[0], faces, options=options, consent=command.consent or None))
    sources = source_pictures(manifest)
    _check_choice(command, faces)
    request = BatchRequest(
        manifest=manifest,
        sources={name: Path(word) for name, word in sources.items()},
        reference=command.reference,
        face_filter=face_filter_of(settings, min_size_px=command.min_face_px),
        label=settings.painted_label(),
        watermarked=settings.watermark == "on",
    )
    for path in request.sources.values():
        if not path.is_file():
            raise NoSuchFile(f"{path} is not a file.")
    targets = find_targets(words, recursive=command.recursive, leave_out=command.all_results or output)
    if not targets.files:
        raise NoSuchFile(f"There is no picture or video in {', '.join(words)}.")
    limits = picture_limits(settings)
    extensions = [expected_extension(target.path, manifest.options, limits) for target in targets.files]
    if single and extensions[0] is not None:
        check_name(output, extensions[0])
    outputs = [output] if single else _outputs(targets, output, extensions)
    items = [
        Item(
            name=str(target.name),
            target=target.path,
            output=output,
            is_video=is_video(target.path),
            has_sidecar=is_signed_beside(settings, extension),
        )
        for target, output, extension in zip(targets.files, outputs, extensions, strict=True)
    ]
    inputs = (*request.sources.values(), *(item.target for item in items), command.reference)
    sidecars = [beside(item.output) for item in items if item.has_sidecar]
    written = [*(item.output for item in items), *sidecars, *([command.sheet] if command.sheet else [])]
    refuse_overwriting(written, [path for path in inputs if path])
    return Batch(request=request, items=items, ignored=targets.ignored, single=single)


def _check_choice(command: SwapCommand, faces: Mapping[str, str | None]) -> None:
    many = bool(command.options["many_faces"])
    if many + bool(faces) + (command.reference is not None) > 1:
        raise WrongWords("Of --many-faces, --face and --reference only one can be given.")
    if command.reference is not None and not command.reference.is_file():
        raise NoSuchFile(f"{command.reference} is not a file.")


def _as_named(output: Path, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Let the output's name choose the format where nothing else did."""
    extension = output.suffix.lower().lstrip(".").replace("jpg", "jpeg")
    if options["output_format"] is None and extension in get_args(OutputFormat):
        return {**options, "output_format": extension}
    return options


def _outputs(targets: TargetFiles, folder: Path, extensions: Sequence[str | None]) -> list[Path]:
    names = [target.name for target in targets.files]
    wanted = [extension or name.suffix.lstrip(".") for name, extension in zip(names, extensions, strict=True)]
    return [folder / name for name in result_names(zip(names, wanted, strict=True))]


def is_video(path: Path) -> bool:
    """Whether a file is a video, by its first bytes; raises OSError."""
    return sniff_file(path).kind == "video"
