"""What every engine must keep to about identity: mappings are bound by it, whatever the engine."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from models.catalogue import Catalogue
from pipeline.engines.base import AnyEngine
from pipeline.engines.inswapper.engine import open_inswapper_engine
from pipeline.engines.mesh.engine import open_mesh_engine
from pipeline.face import Array, Bgr
from pipeline.faces.select import largest
from tests.support.engines import FlatEngine, picture
from tests.support.faces import astronaut, hopper, scaled

HASHES = {"inswapper_128.onnx": "sha256:01", "w600k_r50.onnx": "sha256:02"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """An engine, a person, and a stranger; None where the engine's model is a stand-in."""

    engine: AnyEngine
    person: Bgr
    stranger: Bgr | None

    def embedding(self, shown: Bgr) -> Array:
        embedding = self.engine.embed(shown, largest(self.engine.find_faces(shown)))
        assert embedding is not None
        return embedding


def flat(_files: dict[str, Path]) -> Case:
    people = [picture(faces=((20, 10, 24, 24),), people=(person,)) for person in (1, 3)]
    return Case(engine=FlatEngine(), person=people[0], stranger=people[1])


def mesh(_files: dict[str, Path]) -> Case:
    return Case(engine=open_mesh_engine(), person=astronaut(), stranger=hopper())


def inswapper(files: dict[str, Path]) -> Case:
    spec = Catalogue.load().engines["inswapper_128"]
    engine = open_inswapper_engine(files, spec, provider="cpu", threads=1, hashes=HASHES)
    return Case(engine=engine, person=picture(640, 640, faces=((240, 200, 160, 200),)), stranger=None)


@pytest.fixture(scope="module", params=[flat, mesh, inswapper], ids=lambda make: make.__name__)
def case(request: pytest.FixtureRequest, inswapper_files: dict[str, Path]) -> Case:
    made: Case = request.param(inswapper_files)
    return made


def test_what_made_the_embeddings_is_one_of_the_engines_models(case: Case) -> None:
    assert case.engine.identity_model in case.engine.info.models.values()


def test_a_person_is_accepted_in_another_size_and_a_stranger_is_not(case: Case) -> None:
    scale, before = case.engine.identity_scale, case.embedding(case.person)
    again = case.embedding(scaled(case.person, 0.75) if case.stranger is not None else case.person)
    assert case.engine.distance(before, before) == pytest.approx(0, abs=1e-5)
    assert case.engine.distance(before, again) <= scale.accept
    if case.stranger is not None:
        stranger = case.embedding(case.stranger)
        assert case.engine.distance(before, stranger) > scale.accept
        assert case.engine.distance(before, stranger) == case.engine.distance(stranger, before)


def test_a_source_is_known_by_the_same_embedding_as_the_face_it_was_made_of(case: Case) -> None:
    face = largest(case.engine.find_faces(case.person))
    source = case.engine.prepare_source(case.person, face)
    embedding = case.engine.embed(case.person, face)
    assert source.embedding is not None
    assert embedding is not None
    assert (source.embedding.shape, source.embedding.dtype) == (embedding.shape, np.float32)


def test_the_scale_asks_for_more_of_small_faces_and_leaves_room_between_two(case: Case) -> None:
    scale = case.engine.identity_scale
    assert 0 < scale.accept_small <= scale.accept
    assert 0 < scale.margin < scale.accept
    assert 0 <= scale.blind_px <= scale.small_px
