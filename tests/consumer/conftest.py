"""A bucket of a test's own: consumers empty every inbox they see."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import fresh_bucket


@pytest_asyncio.fixture
async def _own_bucket(moto_s3: S3Settings) -> AsyncIterator[tuple[ObjectStore, S3Settings]]:
    async with fresh_bucket(moto_s3) as made:
        yield made


@pytest.fixture
def bucket(_own_bucket: tuple[ObjectStore, S3Settings]) -> S3Settings:
    """How to reach it."""
    return _own_bucket[1]


@pytest.fixture
def store(_own_bucket: tuple[ObjectStore, S3Settings]) -> ObjectStore:
    """What is in it."""
    return _own_bucket[0]
