"""Requests as earlier clients send them, with a consumer behind: they know of no consent and no tokens."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from pipeline.media.pictures.decode import Limits, decode
from tests.support.buckets import ASTRONAUT, HOPPER
from tests.support.local_stack import local_stack

TIMEOUT_S = 30


class EarlierClient:
    """Knows the service by a base address that ends in /api, and joins it with what it is told."""

    def __init__(self, url: str) -> None:
        self.base = f"{url}/api"

    def post(self, path: str, **body: Any) -> requests.Response:  # noqa: ANN401 - as requests.post
        """Send a form (`files`) or a document (`json`)."""
        return requests.post(f"{self.base}{path}", timeout=TIMEOUT_S, **body)

    def upload(self, name: str, picture: bytes) -> dict[str, Any]:
        """Upload by form; returns what it is told."""
        answer = self.post("/upload", files={"file": (name, picture, "image/png")})
        assert answer.status_code == 200
        return told(answer)

    def result(self, job_id: str) -> bytes:
        """Ask every quarter of a second until the job has ended, then fetch what it made."""
        while True:
            answer = requests.get(f"{self.base}/status/{job_id}", timeout=TIMEOUT_S)
            assert answer.status_code == 200
            job = told(answer)
            assert job["status"] not in {"failed", "cancelled"}, job["error_message"]
            if job["status"] == "completed":
                fetched = requests.get(f"{self.base}{job['result_url']}", timeout=TIMEOUT_S)
                assert fetched.status_code == 200
                return fetched.content
            assert isinstance(job["progress"], int)
            time.sleep(0.25)


def told(answer: requests.Response) -> dict[str, Any]:
    document = answer.json()
    assert document["success"] is True
    data: dict[str, Any] = document["data"]
    return data


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EarlierClient]:
    """A stack of its own, which asks for no consent."""
    with local_stack(tmp_path_factory.mktemp("earlier"), "--var", "REQUIRE_CONSENT:false") as stack:
        yield EarlierClient(stack.url)


def is_another(picture: bytes, than: bytes) -> bool:
    after, before = (decode(each, Limits()).bgr for each in (picture, than))
    return after.shape == before.shape and bool((after != before).any())


def test_two_uploads_by_form_a_job_and_its_result(client: EarlierClient) -> None:
    source, target = client.upload("me.png", ASTRONAUT), client.upload("her.jpg", HOPPER)
    assert (target["fileName"], target["size"], target["type"]) == ("her.jpg", len(HOPPER), "image/jpeg")
    wanted = {
        "source_file": source["fileId"],
        "target_file": target["fileId"],
        "face_mappings": {},
        "options": {"use_face_enhancer": True, "quality": 90, "many_faces": False},
    }
    answer = client.post("/process/single-image", json=wanted)
    assert answer.status_code == 202
    assert is_another(client.result(told(answer)["jobId"]), HOPPER)


def test_two_pictures_and_the_job_in_one_form(client: EarlierClient) -> None:
    answer = client.post(
        "/single-image-swap",
        files={"source_image": ("a.png", ASTRONAUT), "target_image": ("b.jpg", HOPPER)},
    )
    assert answer.status_code == 202
    job = told(answer)
    assert job["jobId"] == job["job_id"]
    assert is_another(client.result(job["job_id"]), HOPPER)


def test_faces_are_found_within_one_request_and_mapped_beside_a_source_that_means_nothing(
    client: EarlierClient,
) -> None:
    source, target = client.upload("me.png", ASTRONAUT), client.upload("her.jpg", HOPPER)
    answer = client.post("/detect-faces", json={"fileId": target["fileId"]})
    assert answer.status_code == 200
    (face,) = told(answer)["faces"]
    assert "embedding" not in face
    wanted = {
        "source_file": "",
        "target_file": target["fileId"],
        "face_mappings": {face["id"]: source["fileId"]},
    }
    answer = client.post("/process/multi_image", json=wanted)
    assert answer.status_code == 202
    assert is_another(client.result(told(answer)["jobId"]), HOPPER)


def test_a_preflight_is_answered_with_200(client: EarlierClient) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = requests.options(f"{client.base}/upload", headers=asked, timeout=TIMEOUT_S)
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_detection_without_a_file_is_told_so_in_the_words_they_look_for(client: EarlierClient) -> None:
    answer = client.post("/detect-faces", json={})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("No file ID")
