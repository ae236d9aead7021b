"""What an S3 client's failures mean here: each becomes one of this package's errors, free of secrets."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)

from storage.errors import (
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
    StoreDenied,
    StoreThrottled,
    StoreUnavailable,
    StoreUnusable,
)
from storage.stores.s3_connection import why_unreachable

# Statuses and codes as in the S3 API reference ("Error responses") and Cloudflare R2's ("Error codes");
# the first line that fits counts, so that a 503 SlowDown is throttling.
_MEANINGS: tuple[tuple[type[StorageError], Collection[int], Collection[str]], ...] = (
    (PreconditionFailed, {412, 416}, {"ConditionalRequestConflict"}),
    (ObjectNotFound, {404}, {"NoSuchKey"}),
    (StoreThrottled, {429}, {"SlowDown", "TooManyRequests", "Throttling", "RequestLimitExceeded"}),
    (StoreDenied, {301, 401, 403}, {"AccessDenied"}),
    (
        StoreUnavailable,
        {*range(500, 600)} - {HTTPStatus.NOT_IMPLEMENTED},  # that one will not pass
        {"BadDigest", "IncompleteBody", "RequestTimeout", "OperationAborted"},
    ),
)


# Codes that say more than their status does (the same references).
_DENIALS: Mapping[str, str] = {
    "RequestTimeTooSkewed": "This machine's clock is too far from the storage's; set it right.",
    "InvalidAccessKeyId": "The storage does not know this access key; check it and the storage's address.",
    "SignatureDoesNotMatch": "To the storage the secret is not that of this access key; check both.",
    "ExpiredToken": "The session token of these credentials has expired; get new ones.",
    "InvalidToken": "The storage does not accept the session token; remove AWS_SESSION_TOKEN or renew it.",
}
_ELSEWHERE = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "TemporaryRedirect"})


@contextmanager
def settings_errors() -> Iterator[None]:
    """Turn what the SDK says of its own settings into StoreUnusable."""
    try:
        yield
    except ProfileNotFound as error:
        raise StoreUnusable(
            f"AWS_PROFILE names the profile {error.kwargs.get('profile')!r}, which the SDK's files do not "
            "have; correct the name, or unset it."
        ) from error
    except NoRegionError as error:
        raise StoreUnusable(
            "AWS needs a region; set AWS_REGION to the bucket's, or R2_ENDPOINT_URL for another storage."
        ) from error
    except PartialCredentialsError as error:
        raise StoreUnusable("Of access key and secret only one is set; set both or none.") from error
    except (BotoCoreError, ValueError) as error:
        raise StoreUnusable(f"The storage's client cannot be set up: {error}") from error


@contextmanager
def s3_errors(bucket: str, *, if_match: bool = False, address: str = "The storage") -> Iterator[None]:
    """Turn whatever the S3 client raises inside into this package's errors.

    `if_match` says that the request was a write over an ETag: there a missing object is a failed condition.
    `address` is the store's, for errors that do not tell it.
    """
    try:
        yield
    except ClientError as error:
        raise _refusal(error.response, bucket, if_match=if_match) from error
    except ParamValidationError as error:
        raise ValueError(str(error)) from error
    except NoCredentialsError as error:
        raise StoreDenied(
            "There is no key to the storage; set R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY, or give the SDK "
            "a profile or a role."
        ) from error
    except (PartialCredentialsError, CredentialRetrievalError) as error:
        raise StoreDenied from error
    except KeyError as error:
        raise StoreUnavailable(f"The storage's answer lacks {error}.") from error
    except (BotoCoreError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise StoreUnavailable(why_unreachable(error, address)) from error


def _refusal(response: Mapping[str, Any], bucket: str, *, if_match: bool) -> StorageError:
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(response.get("Error", {}).get("Code", ""))
    shown = code if re.fullmatch(r"[A-Za-z]{1,64}", code) else "no reason given"
    if denial := _denial(code, response, bucket):
        return StoreDenied(denial)
    for meaning, statuses, codes in _MEANINGS:
        if status not in statuses and code not in codes:
            continue
        if meaning is ObjectNotFound and if_match:
            return PreconditionFailed()
        if issubclass(meaning, StoreUnavailable):
            message = f"The storage answers with an error (HTTP {status}, {shown})."
            retry_after_s = _retry_after_s(response)
            return meaning(message if meaning is StoreUnavailable else None, retry_after_s=retry_after_s)
        return meaning()
    return StorageError(f"The storage refused a request (HTTP {status}, {shown}).")


def _denial(code: str, response: Mapping[str, Any], bucket: str) -> str | None:
    if code == "NoSuchBucket":
        return f"There is no bucket named {bucket!r}; create it or correct the name."
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    elsewhere = code in _ELSEWHERE or status == HTTPStatus.MOVED_PERMANENTLY  # all that a HEAD is told
    return _another_region(response, bucket) if elsewhere else _DENIALS.get(code)


def _another_region(response: Mapping[str, Any], bucket: str) -> str:
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = str(headers.get("x-amz-bucket-region") or response.get("Error", {}).get("Region", ""))
    if re.fullmatch(r"[a-z0-9-]{2,32}", region):
        return f"The bucket {bucket!r} is in the region {region}; set AWS_REGION={region}."
    return f"The bucket {bucket!r} is in another region; set AWS_REGION to its own."


def _retry_after_s(response: Mapping[str, Any]) -> float:
    """Read `Retry-After` in seconds; its other form, a date, is not sent by object stores."""
    value = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    return float(value) if re.fullmatch(r"\d+(\.\d+)?", value) else 0.0
