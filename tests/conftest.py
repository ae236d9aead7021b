"""What tests share: made once per worker, when the first test asks for it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.stores.s3_settings import S3Settings
from tests.support.s3_servers import moto_server, seaweedfs_server
from tests.support.standins import build_inswapper_files
from tests.support.wrangler import wrangler_server

# As `models` does for whatever imports ONNX Runtime through it; some tests take it by itself.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# Processes that tests start run the code under test, whichever is installed.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")])
)


_FILMS = ("pipeline/media/video", "pipeline/tracks", "consumer/jobs/swap_video")
"""What takes minutes of processor time, as it decodes and encodes a hundred clips."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is about whole videos."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).as_posix().startswith(_FILMS):
            item.add_marker("films")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many workers again as there are cores: a good third of the time tests wait for processes."""
    return max(1, (os.cpu_count() or 1) * 3 // 2)


@pytest.fixture(scope="session")
def moto_s3() -> Iterator[S3Settings]:
    """A bucket on moto's server; tests keep to a prefix of their own."""
    with moto_server() as settings:
        yield settings


@pytest.fixture(scope="session")
def seaweedfs_s3() -> Iterator[S3Settings]:
    """A bucket on SeaweedFS; tests keep to a prefix of their own and carry the `seaweedfs` marker."""
    with seaweedfs_server() as settings:
        yield settings


@pytest.fixture(scope="session")
def wrangler_s3() -> Iterator[S3Settings]:
    """The local bucket of a Worker; tests keep to a prefix of their own and carry the `wrangler` marker."""
    with wrangler_server() as settings:
        yield settings


@pytest.fixture(scope="session")
def inswapper_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Stand-ins for the inswapper engine's files by role; their results are known in closed form."""
    return build_inswapper_files(tmp_path_factory.mktemp("inswapper"))
