"""`swapdrop denylist`: people who are never put into pictures, by faces that are kept as numbers only."""

from collections.abc import Sequence
from pathlib import Path

import typer

from consumer.cli.bucket import fail, faults_told, settings_or_exit, with_bucket
from consumer.client.files import describe_os_error
from consumer.config.limits import picture_limits
from consumer.config.settings import Settings
from consumer.jobs.denylist import packed
from pipeline.errors import InputError
from pipeline.face import Bgr, Face
from pipeline.faces.find import embedded_face_finder
from pipeline.media.pictures.decode import decode
from pipeline.swap.protected import IDENTITY_MODEL, LEAST_PX, open_identity
from storage.denylist import Denylist, change_denylist, read_denylist
from storage.stores.port import ObjectStore


def add_faces(pictures: Sequence[Path]) -> int:
    """Put the one face of each picture onto the list and print its id; nothing is sent unless all can be."""
    settings = settings_or_exit()
    with faults_told():
        settings.s3()  # before a face is looked for
    embeddings = _embeddings(pictures, settings)
    added: list[str] = []

    def with_faces(denylist: Denylist) -> Denylist:
        added.clear()  # somebody else was faster, and it is begun again
        for embedding in embeddings:
            denylist, face_id = denylist.with_face(embedding, IDENTITY_MODEL)
            added.append(face_id)
        return denylist

    async def work(store: ObjectStore) -> None:
        await change_denylist(store, with_faces)

    with_bucket(work)
    for path, face_id in zip(pictures, added, strict=True):
        typer.echo(face_id)
        typer.echo(f"{path} may be deleted now; write down whose {face_id} is.", err=True)
    return 0


def remove_faces(face_ids: Sequence[str]) -> int:
    """Take faces off the list; all or none."""

    def without_faces(denylist: Denylist) -> Denylist:
        for face_id in face_ids:
            denylist = denylist.without(face_id)
        return denylist

    async def work(store: ObjectStore) -> None:
        await change_denylist(store, without_faces)

    with_bucket(work)
    return 0


def list_faces() -> int:
    """Print the ids of all faces."""
    for face in with_bucket(read_denylist).faces:
        typer.echo(face.id)
    return 0


def _embeddings(pictures: Sequence[Path], settings: Settings) -> list[bytes]:
    finder, identity = embedded_face_finder(), open_identity()
    found = []
    for path in pictures:
        picture = _picture(path, settings)
        found.append(packed(identity.embed(picture, only_face(path, finder.find(picture)))))
    return found


def _picture(path: Path, settings: Settings) -> Bgr:
    try:
        return decode(path.read_bytes(), picture_limits(settings)).bgr
    except InputError as error:
        raise fail(f"{path}: {error}") from None
    except OSError as error:
        raise fail(describe_os_error(error)) from None


def only_face(path: Path, faces: Sequence[Face]) -> Face:
    """The one face of a picture; ends the command where there are others, or it tells too little."""
    if len(faces) != 1:
        found = f"{len(faces)} faces were" if faces else "No face was"
        raise fail(f"{path}: {found} found; give a picture of one person, sharp and from the front.")
    (face,) = faces
    if min(face.size) < LEAST_PX:
        raise fail(
            f"{path}: The face has {min(face.size):.0f} pixels, too few to know somebody by; give one of "
            f"{LEAST_PX:.0f} and more."
        )
    return face
