"""A bucket for each test."""

import pytest

from tests.support.lease_buckets import Bucket


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()
