"""The film and the engine that several tests look at, made once."""

import pytest

from pipeline.engines.mesh.engine import MeshEngine, open_mesh_engine
from pipeline.steps import at_once
from pipeline.tracks.cast import CastBuilder, CastMember
from pipeline.tracks.frame import PictureView
from tests.support.films import FPS, Shown, crossing, play


@pytest.fixture(scope="session")
def mesh() -> MeshEngine:
    return open_mesh_engine()


@pytest.fixture(scope="session")
def film() -> list[Shown]:
    return list(play(crossing()))


@pytest.fixture(scope="session")
def cast(mesh: MeshEngine, film: list[Shown]) -> tuple[CastMember, ...]:
    builder = CastBuilder(mesh)
    for number, shown in enumerate(film):
        at_once(builder.add(PictureView(shown.bgr), number, number / FPS))
    return at_once(builder.finish())
