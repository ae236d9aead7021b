"""What earlier clients send is still taken, with the status codes they expect, from the upload to the result.

They attest no consent, so the service they use does not ask for it.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from pipeline.media.sniff import sniff
from tests.support.buckets import ASTRONAUT, HOPPER
from tests.support.local_stack import LocalStack, local_stack

_OPTIONS = {"many_faces": False, "use_face_enhancer": True, "quality": 90, "execution_provider": "cuda"}


@pytest.fixture(scope="module")
def old(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:  # noqa: ARG001 - has built the page
    """A stack that asks for no consent."""
    data = tmp_path_factory.mktemp("old")
    with local_stack(data, "--built", "--var", "REQUIRE_CONSENT:false") as started:
        yield started


def told(answer: requests.Response, status: int) -> Any:  # noqa: ANN401 - JSON
    """The data of an answer that has that status."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["success"] is True
    return body["data"]


def upload(old: LocalStack, name: str, body: bytes) -> Any:  # noqa: ANN401 - JSON
    stored = told(requests.post(f"{old.url}/api/upload", files={"file": (name, body)}, timeout=30), 200)
    assert set(stored) == {"fileId", "fileName", "url", "size", "type"}
    assert (stored["fileName"], stored["size"]) == (name, len(body))
    return stored["fileId"]


def ended(old: LocalStack, job_id: str) -> Any:  # noqa: ANN401 - JSON
    """Ask again and again, as they do, until the job has ended; the test's own timeout ends it otherwise."""
    while True:
        view = told(requests.get(f"{old.url}/api/status/{job_id}", timeout=10), 200)
        assert view["id"] == job_id
        assert isinstance(view["progress"], int | float)
        if view["status"] not in {"pending", "processing"}:
            return view
        time.sleep(0.2)


def is_a_picture(answer: requests.Response) -> bool:
    return answer.status_code == 200 and sniff(answer.content).content_type == answer.headers["Content-Type"]


@pytest.mark.parametrize("kind", ["single-image", "single_image"])
def test_files_by_form_and_a_job_by_their_old_names(old: LocalStack, kind: str) -> None:
    files = {
        "source_file": upload(old, "face.png", ASTRONAUT),
        "target_file": upload(old, "party.jpg", HOPPER),
    }
    asked = {**files, "face_mappings": {}, "options": _OPTIONS}
    job_id = told(requests.post(f"{old.url}/api/process/{kind}", json=asked, timeout=30), 202)["jobId"]
    view = ended(old, job_id)
    assert view["status"] == "completed", view
    assert view["type"] == "single-image"
    assert view["error_message"] is None
    # They put their base address, which ends in /api, before an address that begins with it.
    assert is_a_picture(requests.get(f"{old.url}/api{view['result_url']}", timeout=10))
    assert is_a_picture(requests.get(f"{old.url}/api/download/{job_id}", timeout=10))
    assert requests.post(f"{old.url}/api/cancel/{job_id}", timeout=10).status_code == 409


def test_faces_of_a_picture_and_a_new_one_for_the_first(old: LocalStack) -> None:
    target = upload(old, "party.jpg", HOPPER)
    faces = told(requests.post(f"{old.url}/api/detect-faces", json={"fileId": target}, timeout=100), 200)
    assert [face["face_id"] for face in faces["faces"]] == ["face_0"]
    mapped = {"face_0": upload(old, "face.png", ASTRONAUT)}
    asked = {"source_file": "", "target_file": target, "face_mappings": mapped, "options": _OPTIONS}
    job = told(requests.post(f"{old.url}/api/process/multi_image", json=asked, timeout=30), 202)
    assert ended(old, job["jobId"])["status"] == "completed"


def test_two_pictures_in_one_form(old: LocalStack) -> None:
    files = {"source_image": ("face.png", ASTRONAUT), "target_image": ("party.jpg", HOPPER)}
    job = told(requests.post(f"{old.url}/api/single-image-swap", files=files, timeout=30), 202)
    assert job["job_id"] == job["jobId"]
    assert ended(old, job["job_id"])["status"] == "completed"


def test_what_they_do_wrong_is_said_with_the_codes_they_know(old: LocalStack) -> None:
    def refused(method: str, path: str, **request: Any) -> tuple[int, str]:  # noqa: ANN401 - of requests
        answer = requests.request(method, f"{old.url}/api/{path}", timeout=30, **request)
        body = answer.json()
        assert body["success"] is False
        return answer.status_code, body["error"]

    status, error = refused("POST", "detect-faces", json={})
    assert status == 400
    assert error.startswith("No file ID")
    assert refused("POST", "upload", files={"other": ("a.jpg", HOPPER)})[0] == 400
    assert refused("POST", "upload", files={"file": ("a.jpg", b"<html>")})[0] == 415
    assert refused("POST", "process/single-image", json={"source_file": "", "target_file": ""})[0] == 400
    assert refused("POST", "process/triple-image", json={})[0] == 400
    assert refused("GET", f"status/{'0' * 32}")[0] == 404
    assert refused("GET", "download/undefined")[0] == 404
    assert refused("GET", "upload")[0] == 405
    asks = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    assert requests.options(f"{old.url}/api/upload", headers=asks, timeout=10).status_code == 200
