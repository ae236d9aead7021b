"""The two portraits, plain and painted, as the engine's parts see them."""

from collections.abc import Callable
from functools import cache

import pytest

from models.embedded import TOPOLOGY, embedded_path
from pipeline.engines.mesh.patch import Patch
from pipeline.engines.mesh.raster import paint_triangles
from pipeline.engines.mesh.regions import View, find_regions
from pipeline.engines.mesh.spaces import to_lab
from pipeline.engines.mesh.topology import POINTS, Topology
from pipeline.face import Array, Bgr
from pipeline.faces.find import embedded_face_finder
from pipeline.faces.select import largest
from tests.quality.looks import painted
from tests.quality.scene import PORTRAITS

Painted = Callable[[str, str], tuple[Bgr, Array]]
Seen = Callable[[str, str], View]


@pytest.fixture(scope="session")
def topology() -> Topology:
    return Topology.load(embedded_path(TOPOLOGY))


@pytest.fixture(scope="session")
def portrait() -> Painted:
    """A portrait by who it shows and what is painted on it, "" for nothing; the landmarks of the bare one."""
    finder = embedded_face_finder()

    @cache
    def make(who: str, look: str) -> tuple[Bgr, Array]:
        bare = PORTRAITS[who][0]()
        landmarks = largest(finder.find(bare)).landmarks
        assert landmarks is not None
        return (painted(who, look) if look else bare), landmarks

    return make


@pytest.fixture(scope="session")
def seen(portrait: Painted, topology: Topology) -> Seen:
    """The face of such a portrait at map size."""

    @cache
    def look(who: str, what: str) -> View:
        picture, landmarks = portrait(who, what)
        patch = Patch.cut(picture, landmarks[:POINTS], landmarks[:POINTS])
        assert patch is not None
        ids = paint_triangles(patch.points, topology, patch.shape)
        regions = find_regions(ids, patch.points, topology, patch.face_px)
        return View(lab=to_lab(patch.reduce(patch.roi)), points=patch.points, regions=regions)

    return look
