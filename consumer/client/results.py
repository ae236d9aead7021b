"""What the file of a result will be called, and whether a result may be put where it is to go."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from consumer.client.files import beside
from consumer.client.fingerprint import is_manifest, is_result
from consumer.client.submission import WrongWords
from consumer.client.targets import sniff_file
from consumer.config.settings import Settings
from pipeline.errors import InputError
from pipeline.media.animations.read import open_animation
from pipeline.media.animations.write import animation_format
from pipeline.media.pictures.decode import Limits
from pipeline.media.pictures.encode import output_format
from pipeline.media.sniff import MEDIA_TYPES
from pipeline.media.video.containers import container_for
from pipeline.signing.port import SIGNED_BESIDE
from storage.errors import InvalidManifest
from storage.records.detection import MAX_DETECTION_BYTES, read_detection
from storage.records.manifest import Options

DETECTION: Final = "json"
"""The extension of what was found in a picture or video."""
NOT_ALONE: Final = (
    "The signature of this result is a file of its own, which standard output has no place for; name a file "
    "for the result: -o out.mkv."
)
_FORMATS: Final = {media.extension for media in MEDIA_TYPES.values() if media.kind != "other"} | {DETECTION}
_SAME: Final = {"jpeg": "jpg", "m4v": "mp4"}


class FileInTheWay(ValueError):
    """Something that is no earlier result lies in a result's place."""

    code = "file_exists"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"There is something else at {path}, which was not replaced; name another place with "
            "--output, or replace it with --force."
        )


def expected_extension(target: Path, wanted: Options, limits: Limits) -> str | None:
    """The extension that the swap of a target will have; None of what is neither picture nor video.

    Raises OSError.
    """
    media, requested = sniff_file(target), wanted.output_format
    if media.kind == "video":
        return container_for(media, wanted.video_encoder)[0].media.extension
    if media.kind != "picture":
        return None
    moving = animation_format(requested, media)
    if moving == "gif" and not _moves(target, limits):
        moving = None
    return MEDIA_TYPES[moving or output_format(requested, media)].extension


def is_signed_beside(settings: Settings, extension: str | None) -> bool:
    """Whether a manifest of its own lies beside a result with this extension."""
    return settings.c2pa_chain is not None and extension in SIGNED_BESIDE


def check_place(output: Path | None, extension: str, *, has_sidecar: bool, force: bool) -> None:
    """Refuse, before a result is there, a place that it cannot have; `output` is None for standard output.

    Raises:
        WrongWords: it is no place for such a file.
        FileInTheWay: it is taken, and `force` is not given.
        OSError: nobody can look.
    """
    if output is None:
        if has_sidecar:
            raise WrongWords(NOT_ALONE)
        return
    check_name(output, extension)
    obstacle = None if force else in_the_way(output, has_sidecar=has_sidecar)
    if obstacle is not None:
        raise FileInTheWay(obstacle)


def check_name(output: Path, extension: str) -> None:
    """Refuse a name that promises another format than the result has; raises WrongWords."""
    given = output.suffix.lower().lstrip(".")
    if _SAME.get(given, given) in _FORMATS - {extension}:
        raise WrongWords(f"The result is no .{given} file; name it {output.with_suffix(f'.{extension}')}.")


def in_the_way(output: Path, *, has_sidecar: bool, replaces_results: bool = True) -> Path | None:
    """The file that a result would wrongly replace, its manifest beside it counted; None where there is none.

    Earlier results may be replaced with `replaces_results`, their manifests in any case. Raises OSError.
    """
    if output.exists() and not (replaces_results and _is_ours(output)):
        return output
    sidecar = beside(output)
    return sidecar if has_sidecar and sidecar.exists() and not is_manifest(sidecar) else None


def refuse_overwriting(written: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Refuse, whatever is forced, to write onto what is read, or twice onto one file; raises WrongWords."""
    taken = {path.resolve() for path in inputs}
    for path in written:
        if path.resolve() in taken:
            raise WrongWords(f"That would overwrite {path}; name another place for it.")
        taken.add(path.resolve())


def _is_ours(path: Path) -> bool:
    """Whether a file is the result of a job: of a swap by its mark, of a detection by what it says."""
    if path.suffix.lower() != f".{DETECTION}":
        return is_result(path)
    with path.open("rb") as file:
        try:
            read_detection(file.read(MAX_DETECTION_BYTES + 1))
        except InvalidManifest:
            return False
    return True


def _moves(path: Path, limits: Limits) -> bool:
    try:
        return open_animation(path.read_bytes(), limits) is not None
    except InputError:
        return False
