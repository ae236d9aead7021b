"""The model store as the settings describe it, and the operator's bucket as its first source."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from consumer.config.catalogue import load_catalogue
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from models.catalogue import ModelFile
from models.store.fetch import Fetcher, FetchFailed, FetchRefused, HttpsFetcher, RangeRefused, Reply
from models.store.licences import Licences
from models.store.model_store import ModelStore
from models.store.places import search_path
from storage.stores.s3_settings import S3Settings

_PREFIX = "models/"
_SERVER_ERRORS = HTTPStatus.INTERNAL_SERVER_ERROR
_PIECE = 2**16  # what a broken connection may cost


def open_model_store(settings: Settings) -> ModelStore:
    """Build the store; nothing is read but the catalogue and the memory of hashes.

    Raises:
        SettingsError: SWAPDROP_ACCEPT_LICENSES names a licence that no file has.
        ValueError: the operator's catalogue cannot be used.
    """
    catalogue = load_catalogue(settings.catalogue)
    unknown = sorted(set(settings.accept_licenses) - catalogue.licences.keys())
    if unknown:
        known = ", ".join(sorted(catalogue.licences))
        raise SettingsError(f"SWAPDROP_ACCEPT_LICENSES: {unknown[0]} is not a licence; known are {known}.")
    cache = settings.cache_folder
    return ModelStore(
        catalogue,
        search_path(settings.models_dir, cache),
        cache_dir=cache,
        licences=Licences(cache / "accepted-licences.json", settings.accept_licenses),
        offline=settings.offline,
    )


def model_fetchers(settings: Settings) -> list[Fetcher]:
    """The sources of model files, the first to be asked first: the operator's bucket, then the mirrors."""
    bucket: list[Fetcher] = [] if settings.bucket is None else [BucketFetcher(settings.s3())]
    return [*bucket, HttpsFetcher()]


class BucketFetcher:
    """Reads `models/<file>` of the operator's bucket; safe on any thread.

    Raises StoreUnusable where the SDK cannot work with its settings.
    """

    def __init__(self, settings: S3Settings) -> None:
        # Imported here: a consumer that has its models never needs the second SDK.
        import boto3  # noqa: PLC0415 - see above
        from botocore.config import Config  # noqa: PLC0415 - see above
        from botocore.exceptions import NoRegionError  # noqa: PLC0415 - see above

        from storage.stores.s3_client import stay_in_the_region  # noqa: PLC0415 - see above
        from storage.stores.s3_errors import settings_errors  # noqa: PLC0415 - see above

        self._bucket = settings.bucket
        self._address = settings.address
        config = Config(
            signature_version="s3v4",
            proxies=settings.sdk_proxies,
            connect_timeout=settings.connect_timeout_s,
            read_timeout=settings.read_timeout_s,
            retries={"total_max_attempts": 1},  # the download tries again, and goes on where it stopped
            s3={"addressing_style": settings.addressing},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        with settings_errors():
            session = boto3.session.Session()
            if settings.sdk_region is None and session.region_name is None:
                raise NoRegionError
            self._client = session.client(
                "s3",
                endpoint_url=settings.endpoint_url,
                aws_access_key_id=settings.access_key_id,
                aws_secret_access_key=settings.secret_access_key,
                region_name=settings.sdk_region,
                config=config,
            )
        self._client.meta.events.register("before-call.s3", stay_in_the_region)

    def addresses(self, file: ModelFile) -> Sequence[str]:
        """The one key."""
        return [_PREFIX + file.path]

    def label(self, address: str) -> str:
        """The bucket and the key."""
        return f"bucket {self._bucket}, {address}"

    @contextmanager
    def fetch(self, address: str, *, start: int, validator: str | None) -> Iterator[Reply]:
        """Ask for the object, or for the rest of it; see Fetcher."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see __init__
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - what reading the body raises

        condition = {"Range": f"bytes={start}-", "IfMatch": validator} if start and validator else {}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=address, **condition)
            with answer["Body"] as body:
                yield _reply(answer, body)
        except ClientError as error:
            raise _refusal(error.response["ResponseMetadata"]["HTTPStatusCode"]) from None
        except (BotoCoreError, HTTPError) as error:
            from storage.stores.s3_connection import why_unreachable  # noqa: PLC0415 - see __init__

            raise FetchFailed(why_unreachable(error, self._address).removesuffix(".")) from None


def _reply(answer: dict[str, Any], body: Any) -> Reply:  # noqa: ANN401 - botocore has no types
    start, total = 0, answer["ContentLength"]
    if "ContentRange" in answer:  # bytes <first>-<last>/<all>
        span, _, size = answer["ContentRange"].removeprefix("bytes ").partition("/")
        start, total = int(span.partition("-")[0]), int(size)
    return Reply(
        start=start,
        total=total,
        validator=answer.get("ETag"),
        chunks=iter(lambda: body.read(_PIECE), b""),
    )


def _refusal(code: int) -> FetchFailed | FetchRefused:
    if code in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
        return RangeRefused("it has another file than the one that was begun")
    if code in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or code >= _SERVER_ERRORS:
        return FetchFailed(f"it answers with error {code}")
    if code == HTTPStatus.NOT_FOUND:
        return FetchRefused("it has no such file")
    return FetchRefused(f"it answers with error {code}")
