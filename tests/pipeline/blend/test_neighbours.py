"""Which faces are near enough to another one that its swap might spill onto them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.blend.neighbours import touching
from pipeline.face import Face
from tests.support.faces import made_up_face

_faces = st.builds(
    made_up_face,
    x=st.floats(-100, 900, width=32),
    y=st.floats(-100, 900, width=32),
    size=st.floats(1, 400, width=32),
)


@given(st.lists(_faces, max_size=20), _faces, st.booleans())
def test_they_are_those_that_a_look_at_one_after_the_other_finds(
    others: list[Face],
    face: Face,
    is_among_them: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    everybody = [*others[:3], *[face] * is_among_them, *others[3:]]
    found = touching(face, everybody)
    assert list(map(id, found)) == [id(it) for it in everybody if it is not face and _touch(face, it)]


def _touch(face: Face, other: Face) -> bool:
    gap = np.abs(np.subtract(face.center, other.center))
    return bool((gap < 1.2 * max(face.size) + 1.2 * max(other.size)).all())
