"""What follows from where a store is."""

import pytest

from storage.stores.s3_settings import S3Settings


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1:8787/cdn-cgi/local/r2/s3", True),
        ("http://127.9.8.7", True),
        ("http://[::1]:9000", True),
        ("http://localhost:9000", True),
        ("http://10.0.0.1:9000", False),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example", False),
        ("http://0.0.0.0:9000", False),
        (None, False),
    ],
)
def test_only_a_loopback_address_is_this_machine(address: str | None, *, expected: bool) -> None:
    assert S3Settings(bucket="bucket", endpoint_url=address).on_this_machine is expected
