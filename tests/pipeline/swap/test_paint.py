"""Faces that overlap are drawn from the farthest to the nearest."""

import pytest

from pipeline.face import Bgr, Face
from pipeline.swap.request import Mapped
from tests.support.engines import FlatEngine, picture, png
from tests.support.faces import made_up_face
from tests.support.requests import a_request, swap

NEAR_BGR, FAR_BGR = (10, 200, 30), (220, 40, 20)


class Couple(FlatEngine):
    """Finds two faces, one partly before the other, where a picture has no face of its own."""

    def __init__(self, *faces: Face, batch_size: int) -> None:
        super().__init__(batch_size=batch_size)
        self._faces = list(faces)

    def find_faces(self, picture: Bgr) -> list[Face]:
        return super().find_faces(picture) or self._faces


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("near_is_first", [True, False])
def test_a_larger_face_covers_a_smaller_one_behind_it(batch_size: int, near_is_first: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    near = made_up_face(50, 30, 40)
    far = made_up_face(76 if near_is_first else 24, 26, 20)
    order = [(near, NEAR_BGR), (far, FAR_BGR)][:: 1 if near_is_first else -1]
    sources = {f"face_{number}": png(picture(colour=colour)) for number, (_, colour) in enumerate(order)}
    engine = Couple(*(face for face, _ in order), batch_size=batch_size)
    result = swap(a_request(sources, png(picture(100, 60, faces=())), choice=Mapped()), engine)
    assert (result.picture.bgr[10:50, 30:70] == NEAR_BGR).all()
    behind = result.picture.bgr[16:36, 70:86] if near_is_first else result.picture.bgr[16:36, 14:30]
    assert (behind == FAR_BGR).all()
