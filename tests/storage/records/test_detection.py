"""The detect-faces result: what is written is what is read, and nothing else is taken for one."""

import json
from typing import Any

import pytest

from storage.errors import InvalidManifest
from storage.records.detection import MAX_DETECTION_BYTES, Detection, read_detection

HUGE = 10**400


def face(number: int, **changes: object) -> dict[str, Any]:
    return {
        "face_id": f"face_{number}",
        "x": -3.5,
        "y": 10.0,
        "width": 80.0,
        "height": 100.5,
        "confidence": 0.93,
        "kps": [[20.5, 40.0], [50.0, 40.0], [35.0, 60.0], [25.0, 80.0], [45.0, 80.0]],
        "center_x": 36.5,
        "center_y": 60.2,
        "position_description": "top left",
        "preview": "data:image/jpeg;base64,/9j/",
        "embedding": [0.25, -0.5],
    } | changes


def document(*faces: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {
        "version": 1,
        "media": {"kind": "picture", "width": 640, "height": 480},
        "total_faces": len(faces),
        "faces": list(faces),
    } | changes


def body(content: object) -> bytes:
    return json.dumps(content).encode()


def test_what_is_written_is_what_the_contract_says() -> None:
    written = document(face(0), face(1))
    assert json.loads(Detection.model_validate_json(body(written)).to_bytes()) == written


def test_no_faces_are_a_result_too() -> None:
    assert json.loads(read_detection(body(document())).to_bytes()) == document()


def test_what_is_unknown_is_left_out() -> None:
    nameless = face(0)
    del nameless["embedding"]
    assert json.loads(read_detection(body(document(nameless))).to_bytes()) == document(nameless)


def test_a_videos_frames_and_tracks_are_kept() -> None:
    media = {"kind": "video", "width": 640, "height": 480, "frames": 250, "duration_s": 10.0}
    written = document(face(0, track={"first_s": 1.5, "last_s": 3.0}), media=media)
    assert json.loads(read_detection(body(written)).to_bytes()) == written


def test_keys_of_a_later_version_do_no_harm() -> None:
    written = document(face(0) | {"age": 30}, model="x")
    assert read_detection(body(written)).faces[0].face_id == "face_0"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xff\xd8\xff\xe0 a picture", id="a picture"),
        pytest.param(b"", id="nothing"),
        pytest.param(body([]), id="a list"),
        pytest.param(body({"status": "completed"}), id="a status record"),
        pytest.param(body(document(version=2)), id="another version"),
        pytest.param(body(document(face(0), total_faces=2)), id="a wrong count"),
        pytest.param(body(document(face(0), face(0))), id="one id twice"),
        pytest.param(body(document(face(0, face_id="face_x"))), id="no face id"),
        pytest.param(body(document(face(0, width=0))), id="no width"),
        pytest.param(body(document(face(0, x=float("nan")))), id="not a number"),
        *(
            pytest.param(body(document(face(0, **{name: HUGE}))), id=f"an endless {name}")
            for name in ("x", "y", "width", "height", "confidence", "center_x")
        ),
        pytest.param(body(document(face(0, width=1e38))), id="a width whose square is endless"),
        pytest.param(body(document(face(0, kps=[[1, HUGE]] * 5))), id="an endless point"),
        pytest.param(body(document(face(0, embedding=[HUGE]))), id="an endless number in an embedding"),
        pytest.param(body(document(face(0, embedding=[1e39]))), id="one too large for 32 bits"),
        pytest.param(body(document(face(0, track={"first_s": 0, "last_s": HUGE}))), id="an endless track"),
        pytest.param(body(document(total_faces=HUGE)), id="an endless count"),
        *(
            pytest.param(
                body(document(media={"kind": "picture", "width": 4, "height": 4, name: HUGE})), id=name
            )
            for name in ("width", "height", "frames", "duration_s")
        ),
        pytest.param(body(document(face(0, kps=[[1, 2]] * 4))), id="four points"),
        pytest.param(body(document(face(0, embedding=[]))), id="an empty embedding"),
        pytest.param(body(document(face(0, embedding=[float("inf")]))), id="an endless embedding"),
        pytest.param(body(document(face(0, preview="https://example.com/x.jpg"))), id="a linked preview"),
        pytest.param(body(document(media={"kind": "picture", "width": 0, "height": 4})), id="no picture"),
    ],
)
def test_what_is_no_detection_is_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(InvalidManifest, match="not the result of a detect-faces job") as caught:
        read_detection(content)
    assert len(str(caught.value)) < 200


def test_what_is_too_large_is_not_parsed() -> None:
    with pytest.raises(InvalidManifest, match="larger than 32 MiB"):
        read_detection(bytes(MAX_DETECTION_BYTES + 1))


@pytest.mark.parametrize("key", ["embedding", "faces"])
def test_a_file_of_nothing_but_numbers_is_refused_before_it_takes_a_hundredfold(key: str) -> None:
    numbers = b'{"version": 1, "%s": [%s0]}' % (key.encode(), b"0," * 1_100_000)
    with pytest.raises(InvalidManifest, match="more than a detection"):
        read_detection(numbers)


def test_a_thousand_faces_with_long_embeddings_are_read() -> None:
    crowd = [face(number, embedding=[0.12345] * 512) for number in range(1000)]
    assert len(read_detection(body(document(*crowd))).faces) == 1000
