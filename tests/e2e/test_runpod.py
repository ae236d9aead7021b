"""A RunPod Serverless worker as RunPod's own SDK runs it: its local API, and its control plane's requests."""

import asyncio
import base64
import hashlib
import io
import json
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from pipeline.media.pictures.decode import Limits, decode
from storage import keys
from storage.stores.port import ObjectStore
from storage.stores.s3_store import S3Settings
from tests.support.buckets import ASTRONAUT, HOPPER, fresh_bucket, inbox_is_empty, keys_below, upload
from tests.support.consumers import ConsumerProcess, consumer_environment, run_consumer
from tests.support.jobs import announce, read_status
from tests.support.ports import free_port

PATIENCE_S = 60


def worker(
    environment: Mapping[str, str], folder: Path, *words: str
) -> AbstractContextManager[ConsumerProcess]:
    """`swapdrop runpod` in `folder`, where the SDK keeps a note of its jobs."""
    command = (str(Path(sys.executable).with_name("swapdrop")), "runpod", *words)
    return run_consumer(environment, folder / "log", command, cwd=folder)


async def call(url: str, body: object) -> dict[str, Any]:
    """Post JSON to a server that may still be starting."""
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession(trust_env=False) as session:
        while True:
            try:
                sent = io.BytesIO(json.dumps(body).encode())
                kind = {"Content-Type": "application/json"}
                async with session.post(url, data=sent, headers=kind) as answer:
                    found: dict[str, Any] = await answer.json()
                    return found
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)


async def test_requests_of_every_kind_through_the_local_api(moto_s3: S3Settings, tmp_path: Path) -> None:
    async with fresh_bucket(moto_s3) as (store, settings):
        source, target = await upload(store, ASTRONAUT), await upload(store, HOPPER, "jpg")
        port = free_port()
        words = ("--rp_serve_api", "--rp_api_host", "127.0.0.1", "--rp_api_port", str(port))
        with worker(consumer_environment(settings), tmp_path, *words):
            url = f"http://127.0.0.1:{port}/runsync"
            health = await call(url, {"input": {"type": "health_check"}})
            assert health["output"]["providers"], health
            done = await call(
                url, {"input": {"type": "single_image", "source_url": source, "target_url": target}}
            )
            assert done["status"] == "COMPLETED", (tmp_path / "log").read_text()
            result = done["output"]["result"]
            stored = await store.get(result["key"], max_bytes=1 << 24)
            assert "base64" not in result
            async with (
                aiohttp.ClientSession(trust_env=False) as session,
                session.get(result["url"]) as answer,
            ):
                assert await answer.read() == stored.body
            assert hashlib.sha256(stored.body).hexdigest() == result["sha256"]
            assert decode(stored.body, Limits()).bgr.shape == decode(HOPPER, Limits()).bgr.shape
            inline = await call(
                url,
                {
                    "input": {
                        "process_type": "single_image_base64",
                        "source": base64.b64encode(ASTRONAUT).decode(),
                        "target": base64.b64encode(HOPPER).decode(),
                        "return_base64": True,
                    }
                },
            )
            assert base64.b64decode(inline["output"]["result"]["base64"])[:3] == b"\xff\xd8\xff"
            failed = await call(url, {"input": {"type": "single-image", "source": target, "target": "x"}})
            assert failed["status"] == "FAILED"
            assert "Traceback" not in json.dumps(failed)
            nonsense = await call(url, {"input": {"typ": "single-image"}})
            assert "process_type" in nonsense["error"]
            assert await inbox_is_empty(store)


async def something_below(store: ObjectStore, prefix: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await keys_below(store, prefix):  # noqa: ASYNC110 -- a bucket has no event
            await asyncio.sleep(0.05)


class ControlPlane:
    """RunPod's side of a worker: hands out jobs, and keeps what the worker posts about each."""

    def __init__(self) -> None:
        self.jobs: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.stops: asyncio.Queue[str] = asyncio.Queue()
        self.posts: dict[str, list[dict[str, Any]]] = {}
        self.slow_progress_s = 0.0
        self.progressed = asyncio.Event()
        #: Progress that came to be known after its job's answer.
        self.late: list[dict[str, Any]] = []
        self.pings = 0

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/job-take/{worker}", self._take)
        application.router.add_get("/job-take-batch/{worker}", self._take)
        application.router.add_get("/job-stop/{worker}", self._stop)
        application.router.add_post("/job-done/{worker}/{job}", self._done)
        application.router.add_get("/ping/{worker}", self._ping)
        return application

    async def ended(self, job_id: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for post in self.posts.get(job_id, []):
                    if post.get("status") != "IN_PROGRESS":
                        return post
                await asyncio.sleep(0.05)

    async def _take(self, request: web.Request) -> web.Response:
        try:
            job = await asyncio.wait_for(self.jobs.get(), 0.5)
        except TimeoutError:
            return web.Response(status=204)
        return web.json_response([job] if "batch" in request.path else job)

    async def _stop(self, _request: web.Request) -> web.Response:
        try:
            return web.json_response({"jobsToStop": [await asyncio.wait_for(self.stops.get(), 0.5)]})
        except TimeoutError:
            return web.Response(status=204)

    async def _done(self, request: web.Request) -> web.Response:
        post, posts = json.loads(await request.text()), self.posts.setdefault(request.match_info["job"], [])
        if post.get("status") == "IN_PROGRESS":
            self.progressed.set()
            await asyncio.sleep(self.slow_progress_s)
            self.late += [post] if any(other.get("status") != "IN_PROGRESS" for other in posts) else []
        posts.append(post)
        return web.Response()

    async def _ping(self, _request: web.Request) -> web.Response:
        self.pings += 1
        return web.Response()


@asynccontextmanager
async def control_plane() -> AsyncIterator[tuple[ControlPlane, dict[str, str]]]:
    """A control plane on loopback, and the environment in which a worker finds it."""
    plane = ControlPlane()
    runner = web.AppRunner(plane.application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield (
            plane,
            {
                "RUNPOD_POD_ID": "pod-1",
                "RUNPOD_AI_API_KEY": secrets.token_hex(8),
                "RUNPOD_WEBHOOK_GET_JOB": f"{url}/job-take/$ID?gpu=none",
                "RUNPOD_WEBHOOK_POST_OUTPUT": f"{url}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
                "RUNPOD_WEBHOOK_PING": f"{url}/ping/$RUNPOD_POD_ID",
                "RUNPOD_SKIP_GPU_CHECK": "true",
                "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            },
        )
    finally:
        await runner.cleanup()


async def test_a_worker_takes_jobs_reports_them_and_drains(moto_s3: S3Settings, tmp_path: Path) -> None:
    async with fresh_bucket(moto_s3) as (store, settings), control_plane() as (plane, runpod):
        source, target = await upload(store, ASTRONAUT), await upload(store, HOPPER, "jpg")
        request = {"type": "single-image", "source": source, "target": target}
        # A job that waits hears of its end when its lease is renewed.
        environment = consumer_environment(settings, lease_ttl_s=3)
        plane.slow_progress_s = 2
        with worker(environment | runpod, tmp_path) as process:
            for job_id in ("first-u1", "second-u1"):
                await plane.jobs.put({"id": job_id, "input": request})
            outputs = [(await plane.ended(job_id))["output"] for job_id in ("first-u1", "second-u1")]
            assert [output["status"] for output in outputs] == ["completed", "completed"]
            slow = {"id": "slow-u1", "input": {**request, "source": "uploads/comes-later.png"}}
            await plane.jobs.put(slow)
            await asyncio.wait_for(plane.progressed.wait(), PATIENCE_S)
            await store.put("uploads/comes-later.png", ASTRONAUT, content_type="image/png")
            assert (await plane.ended("slow-u1"))["output"]["status"] == "completed"
            again = {"id": "first-u1", "input": request}  # handed out a second time
            plane.posts.clear()
            await plane.jobs.put(again)
            assert (await plane.ended("first-u1"))["output"]["result"]["sha256"] == outputs[0]["result"][
                "sha256"
            ]
            await plane.jobs.put({"id": "lost-u1", "input": {**request, "source": "uploads/later.png"}})
            await something_below(store, f"{keys.STATUS}lost-u1")
            await plane.stops.put("lost-u1")
            await something_below(store, keys.CANCEL)
            assert await asyncio.to_thread(process.terminate) == 0, process.output()
        assert plane.late == []
        assert len(await keys_below(store, keys.RESULTS)) == 3


async def test_a_worker_told_to_end_takes_no_more_and_gives_its_job_back_within_the_grace(
    moto_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(moto_s3) as (store, settings), control_plane() as (plane, runpod):
        environment = consumer_environment(settings, drain_grace_s=0.5, missing_grace_s=600, sweep_s=0.2)
        request = {"type": "single-image", "source": "uploads/later.png", "target": "uploads/later.jpg"}
        with worker(environment | runpod, tmp_path) as process:
            await plane.jobs.put({"id": "waits-u1", "input": {**request, "job_id": "waits"}})
            await something_below(store, keys.status("waits"))
            process.process.send_signal(signal.SIGTERM)
            assert "the job goes on" in (await plane.ended("waits-u1"))["error"]
            await announce(store, {**request, "job_id": "later"})
            assert await asyncio.to_thread(process.process.wait, PATIENCE_S) == 0, process.output()
        waits = await read_status(store, "waits")
        assert waits is not None
        assert (waits.status, waits.max_attempts - waits.attempt) == ("pending", 3)
        assert await read_status(store, "later") is None
        assert await keys_below(store, keys.CANCEL) == []


async def test_a_worker_whose_consumer_ends_sick_takes_no_more_and_says_so_by_its_exit_code(
    moto_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(moto_s3) as (_, settings), control_plane() as (_, runpod):
        environment = consumer_environment(settings, provider="cuda", engine="inswapper")
        with worker(environment | runpod, tmp_path) as process:
            assert await asyncio.to_thread(process.process.wait, PATIENCE_S) == 1, process.output()
        assert "consumer_ended" in process.output()
