"""What an S3 client's failures mean here: each becomes one of this package's errors, free of secrets."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from storage.errors import (
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
    StoreDenied,
    StoreThrottled,
    StoreUnavailable,
)

# Statuses and codes as in the S3 API reference ("Error responses") and Cloudflare R2's ("Error codes");
# the first line that fits counts, so that a 503 SlowDown is throttling.
_MEANINGS: tuple[tuple[type[StorageError], Collection[int], Collection[str]], ...] = (
    (PreconditionFailed, {412, 416}, {"ConditionalRequestConflict"}),
    (ObjectNotFound, {404}, {"NoSuchKey"}),
    (StoreThrottled, {429}, {"SlowDown", "TooManyRequests", "Throttling", "RequestLimitExceeded"}),
    (StoreDenied, {301, 401, 403}, {"AccessDenied"}),
    (
        StoreUnavailable,
        range(500, 600),
        {"BadDigest", "IncompleteBody", "RequestTimeout", "OperationAborted"},
    ),
)


@contextmanager
def s3_errors(bucket: str, *, if_match: bool = False) -> Iterator[None]:
    """Turn whatever the S3 client raises inside into this package's errors.

    `if_match` says that the request was a write over an ETag: there a missing object is a failed condition.
    """
    try:
        yield
    except ClientError as error:
        raise _refusal(error.response, bucket, if_match=if_match) from error
    except ParamValidationError as error:
        raise ValueError(str(error)) from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
        raise StoreDenied from error
    except KeyError as error:
        raise StoreUnavailable(f"The storage's answer lacks {error}.") from error
    except (BotoCoreError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise StoreUnavailable from error


def _refusal(response: Mapping[str, Any], bucket: str, *, if_match: bool) -> StorageError:
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(response.get("Error", {}).get("Code", ""))
    if code == "NoSuchBucket":
        return StoreDenied(f"There is no bucket named {bucket!r}; create it or correct the name.")
    if code == "RequestTimeTooSkewed":
        return StoreDenied("This machine's clock is too far from the storage's; set it right.")
    for meaning, statuses, codes in _MEANINGS:
        if status not in statuses and code not in codes:
            continue
        if meaning is ObjectNotFound and if_match:
            return PreconditionFailed()
        if issubclass(meaning, StoreUnavailable):
            return meaning(retry_after_s=_retry_after_s(response))
        return meaning()
    shown = code if re.fullmatch(r"[A-Za-z]{1,64}", code) else "no reason given"
    return StorageError(f"The storage refused a request (HTTP {status}, {shown}).")


def _retry_after_s(response: Mapping[str, Any]) -> float:
    """Read `Retry-After` in seconds; its other form, a date, is not sent by object stores."""
    value = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    return float(value) if re.fullmatch(r"\d+(\.\d+)?", value) else 0.0
