"""The model store of a deployment: built from its settings, with its own bucket as the first source."""

import asyncio
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from consumer.config.environment import load_settings
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.engines.model_files import BucketFetcher, model_fetchers, open_model_store
from models.catalogue import Catalogue
from models.store.fetch import Fetcher, FetchFailed, FetchRefused, HttpsFetcher, RangeRefused
from models.store.model_store import Missing
from storage.stores.s3_settings import S3Settings
from tests.support import mirrors
from tests.support.ports import free_port
from tests.support.s3_servers import plain_client
from tests.support.scripted_server import Reply, scripted_server


@pytest.fixture(scope="module")
def bucket(moto_s3: S3Settings) -> S3Settings:
    """A bucket that has two model files."""
    settings = replace(moto_s3, bucket=f"models-{secrets.token_hex(6)}")
    client = plain_client(settings)
    client.create_bucket(Bucket=settings.bucket)
    client.put_object(Bucket=settings.bucket, Key="models/swapper.onnx", Body=mirrors.MODEL)
    client.put_object(Bucket=settings.bucket, Key="models/buffalo_l/det_10g.onnx", Body=mirrors.DETECTOR)
    return settings


def test_the_operators_bucket_is_asked_before_any_mirror(tmp_path: Path, bucket: S3Settings) -> None:
    with mirrors.mirror({"/swapper.onnx": mirrors.Page(body=mirrors.MODEL)}) as one:
        fetchers: list[Fetcher] = [BucketFetcher(bucket), mirrors.LoopbackFetcher({"one": one.port})]
        found = mirrors.store(tmp_path).pull("swapper.onnx", fetchers, mirrors.Record())
        member = mirrors.store(tmp_path).pull("det_10g.onnx", fetchers, mirrors.Record())
    assert found.path.read_bytes() == mirrors.MODEL
    assert member.path.read_bytes() == mirrors.DETECTOR
    assert one.requests == []


def test_what_the_bucket_lacks_comes_from_a_mirror(tmp_path: Path, bucket: S3Settings) -> None:
    with mirrors.mirror({"/buffalo_l.zip": mirrors.Page(body=mirrors.FLAT_ZIP)}) as one:
        fetchers: list[Fetcher] = [BucketFetcher(bucket), mirrors.LoopbackFetcher({"one": one.port})]
        found = mirrors.store(tmp_path).pull("w600k_r50.onnx", fetchers, mirrors.Record())
    assert found.path.read_bytes() == mirrors.RECOGNISER


def test_the_rest_of_an_object_is_read_from_where_it_stopped(bucket: S3Settings) -> None:
    fetcher = BucketFetcher(bucket)
    with fetcher.fetch("models/swapper.onnx", start=0, validator=None) as whole:
        assert (whole.start, whole.total) == (0, mirrors.SIZE)
        validator = whole.validator
    with fetcher.fetch("models/swapper.onnx", start=7_000, validator=validator) as rest:
        assert (rest.start, rest.total) == (7_000, mirrors.SIZE)
        assert b"".join(rest.chunks) == mirrors.MODEL[7_000:]


def test_an_object_that_was_replaced_is_not_gone_on_with(bucket: S3Settings) -> None:
    fetcher = BucketFetcher(bucket)
    with pytest.raises(RangeRefused), fetcher.fetch("models/swapper.onnx", start=1, validator='"other"'):
        pass


def test_a_bucket_that_does_not_answer_is_worth_another_try(bucket: S3Settings) -> None:
    silent = replace(bucket, endpoint_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(FetchFailed, match="Nothing listens at"):
        _open(BucketFetcher(silent))


async def test_the_proxy_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, bucket: S3Settings
) -> None:
    async with scripted_server() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        fetcher = BucketFetcher(replace(bucket, endpoint_url="http://store.invalid", addressing="path"))
        proxy.script = [Reply.error(404, "NoSuchKey")]
        with pytest.raises(FetchRefused):
            await asyncio.to_thread(_open, fetcher)
        asked = [request.path for request in proxy.requests]
    assert [path.startswith("http://store.invalid/") for path in asked] == [True]


def test_a_bucket_that_is_not_there_is_not_asked_again(bucket: S3Settings) -> None:
    with pytest.raises(FetchRefused, match="no such file"):
        _open(BucketFetcher(replace(bucket, bucket="no-such-bucket")))


def _open(fetcher: BucketFetcher) -> None:
    with fetcher.fetch("models/swapper.onnx", start=0, validator=None):
        pass


def test_without_a_bucket_only_the_mirrors_are_asked() -> None:
    assert [type(fetcher) for fetcher in model_fetchers(Settings())] == [HttpsFetcher]


def test_with_a_bucket_it_comes_first(bucket: S3Settings) -> None:
    settings = Settings(bucket=bucket.bucket, endpoint_url=bucket.endpoint_url)
    assert [type(fetcher) for fetcher in model_fetchers(settings)] == [BucketFetcher, HttpsFetcher]


def test_the_environment_decides_where_files_lie_and_what_is_accepted(tmp_path: Path) -> None:
    environment = {
        "MODELS_DIR": str(tmp_path / "mine"),
        "SWAPDROP_CACHE_DIR": str(tmp_path / "cache"),
        "SWAPDROP_OFFLINE": "1",
        "SWAPDROP_ACCEPT_LICENSES": "insightface-non-commercial, research-rail-ms",
    }
    store = open_model_store(load_settings(environment))
    assert store.places[0].folder == tmp_path / "mine"
    assert store.places[-1].folder == tmp_path / "cache/models"
    assert store.offline
    known = Catalogue.load().licences
    accepted = {
        name for name, licence in known.items() if licence.non_commercial and store.licences.allows(licence)
    }
    assert accepted == {"insightface-non-commercial", "research-rail-ms"}
    assert isinstance(store.locate("inswapper_128.onnx"), Missing)
    assert not (tmp_path / "mine").exists()


def test_a_licence_that_does_not_exist_is_refused_with_those_that_do() -> None:
    settings = Settings(accept_licenses=("insightface",))
    with pytest.raises(
        SettingsError, match=r"insightface is not a licence; known are .*insightface-non-commercial"
    ):
        open_model_store(settings)


def test_the_users_cache_folder_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert Settings().cache_folder == Path("/caches/swapdrop")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/homes/me")
    assert Settings().cache_folder == Path("/homes/me/.cache/swapdrop")
