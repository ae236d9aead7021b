"""A consumer as Ray Serve sees it: asked how it is, and started again where it cannot go on."""

import asyncio
import socket

import pytest

from consumer.ray_service import ConsumerReplica
from storage.stores.s3_settings import S3Settings


async def test_it_is_well_while_it_works_and_told_once_it_has_ended(
    moto_s3: S3Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "SWAPDROP_BUCKET": moto_s3.bucket,
        "SWAPDROP_ENDPOINT_URL": moto_s3.endpoint_url or "",
        "R2_ACCESS_KEY_ID": moto_s3.access_key_id or "",
        "R2_SECRET_ACCESS_KEY": moto_s3.secret_access_key or "",
        "SWAPDROP_HEALTH_PORT": "0",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("consumer.ray_service.configure_logging", lambda _settings: None)
    replica = ConsumerReplica()
    await replica.check_health()
    assert (await replica(None))["status"] in {"healthy", "degraded"}
    await replica.stop()
    with pytest.raises(RuntimeError, match="started again"):
        await replica.check_health()


async def test_what_keeps_it_from_working_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("SWAPDROP_BUCKET", "bucket")
        monkeypatch.setenv("SWAPDROP_HEALTH_PORT", str(taken.getsockname()[1]))
        monkeypatch.setattr("consumer.ray_service.configure_logging", lambda _settings: None)
        replica = ConsumerReplica()
        await replica.check_health()
        await asyncio.sleep(0.2)
        with pytest.raises(RuntimeError, match=r"SWAPDROP_HEALTH_PORT: .* is taken"):
            await replica.check_health()
