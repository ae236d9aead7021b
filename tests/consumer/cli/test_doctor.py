"""`swapdrop doctor` as people run it: what it says, and what its exit code says."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consumer.cli.doctor_bucket import _writes
from consumer.cli.doctor_models import model_findings
from consumer.cli.finding import Finding
from consumer.config.settings import Settings
from consumer.engines.registry import CONTENT_MODEL, WATERMARK_ENCODER
from models.devices import has_gpu_build
from storage.stores.memory_store import MemoryStore
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import fresh_bucket, keys_below
from tests.support.command import Ended, swapdrop, swapdrop_process
from tests.support.consumers import consumer_environment
from tests.support.content import build_content_model
from tests.support.model_files import entry
from tests.support.ports import free_port
from tests.support.standins.watermark import build_encoder

NO_BUCKET = S3Settings(bucket="")


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """Settings that keep the doctor from model files of this machine, and from how full its disk is."""
    return {
        "models_dir": str(tmp_path / "models"),
        "cache_dir": str(tmp_path / "cache"),
        "work_dir": str(tmp_path / "work"),
        "disk_budget_bytes": str(16 << 20),
    }


def typed(*words: str, environment: Mapping[str, str]) -> Ended:
    """Run a command to its end, on a wide page."""
    done = swapdrop(*words, environment={**environment, "COLUMNS": "300"})
    assert "Traceback" not in done.stderr
    return done


def diagnosis(environment: Mapping[str, str]) -> tuple[int, str, dict[str, dict[str, Any]]]:
    """Exit code, verdict and findings by name."""
    done = typed("doctor", "--json", environment=environment)
    document = json.loads(done.stdout)
    return done.exit_code, document["state"], {found["name"]: found for found in document["findings"]}


async def test_a_machine_with_a_bucket_is_ready_and_the_probe_is_gone(
    moto_s3: S3Settings, nowhere: dict[str, str]
) -> None:
    async with fresh_bucket(moto_s3) as (store, settings):
        code, verdict, findings = diagnosis(consumer_environment(settings, **nowhere))
        assert (code, verdict) == (0, "ready"), findings
        assert await keys_below(store, "") == []
    assert {"python", "ONNX Runtime", "OpenCV", "provider", "codecs", "engine", "clock"} <= findings.keys()
    assert {found["state"] for found in findings.values()} == {"ok", "unused"}
    assert all(found.keys() == {"name", "state", "detail", "fix", "tried"} for found in findings.values())
    assert findings["clock"]["detail"] == "the store is on this machine, so that they have one clock"
    assert findings["conditional writes"]["detail"] == "If-None-Match and If-Match are honoured"
    missing = findings["inswapper_128_fp16.onnx"]
    assert missing["state"] == "unused"
    assert missing["tried"][0].startswith(nowhere["models_dir"])


@pytest.mark.wrangler
def test_the_local_bucket_of_a_worker_will_do_although_it_tells_no_time(
    wrangler_s3: S3Settings, nowhere: dict[str, str]
) -> None:
    _, _, findings = diagnosis(consumer_environment(wrangler_s3, **nowhere))
    assert {findings[name]["state"] for name in ("bucket", "conditional writes", "clock")} == {"ok"}, findings


def test_without_a_bucket_the_page_says_what_still_works_and_what_to_set(nowhere: dict[str, str]) -> None:
    done = typed("doctor", environment=consumer_environment(NO_BUCKET, **nowhere))
    assert done.exit_code == 1
    assert "without it work only swap, detect, process, probe, verify and demo" in done.stdout
    assert "→ set R2_ENDPOINT_URL, R2_BUCKET" in done.stdout
    assert done.stdout.rstrip().endswith("This machine is degraded.")


def test_a_bucket_that_does_not_exist_is_named(moto_s3: S3Settings, nowhere: dict[str, str]) -> None:
    missing = replace(moto_s3, bucket="never-made")
    code, verdict, findings = diagnosis(consumer_environment(missing, **nowhere))
    assert (code, verdict) == (2, "broken")
    assert "no bucket named 'never-made'" in findings["bucket"]["detail"]
    assert "R2_BUCKET" in findings["bucket"]["fix"]


def test_a_store_that_does_not_answer_points_at_its_address(nowhere: dict[str, str]) -> None:
    silent = S3Settings(
        bucket="bucket",
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        access_key_id="local",
        secret_access_key="local",  # noqa: S106 -- there is no such server
    )
    code, _, findings = diagnosis(consumer_environment(silent, **nowhere))
    assert code == 2
    assert f"Nothing listens at {silent.endpoint_url}" in findings["bucket"]["detail"]
    assert "tried again" not in findings["bucket"]["detail"]
    assert "R2_ENDPOINT_URL" in findings["bucket"]["fix"]


@pytest.mark.parametrize(
    ("command", "variables", "said"),
    [
        (("doctor", "--json"), {"AWS_PROFILE": "nobody"}, "AWS_PROFILE names the profile 'nobody'"),
        (("jobs", "list"), {"R2_ENDPOINT_URL": ""}, "AWS needs a region; set AWS_REGION"),
        (
            ("models", "pull", "--accept-license"),
            {"R2_SECRET_ACCESS_KEY": ""},
            "R2_ACCESS_KEY_ID is set and R2_SECRET_ACCESS_KEY is not",
        ),
        (("run",), {"AWS_PROFILE": "nobody"}, "AWS_PROFILE names the profile 'nobody'"),
        (("doctor", "--json"), {"R2_ENDPOINT_URL": ""}, "AWS needs a region; set AWS_REGION"),
    ],
)
def test_what_the_sdk_cannot_work_with_is_a_sentence_from_every_command(
    command: tuple[str, ...],
    variables: dict[str, str],
    said: str,
    moto_s3: S3Settings,
    nowhere: dict[str, str],
) -> None:
    environment = {**consumer_environment(moto_s3, **nowhere), **variables, "AWS_CONFIG_FILE": "/nowhere"}
    # A consumer listens to signals, which only a main thread may.
    done = (swapdrop_process if command == ("run",) else typed)(*command, environment=environment)
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr
    assert said in done.stdout + done.stderr


@pytest.mark.skipif(has_gpu_build(), reason="this ONNX Runtime was built for CUDA")
def test_a_gpu_that_cannot_be_used_names_every_way_out(nowhere: dict[str, str]) -> None:
    environment = consumer_environment(NO_BUCKET, provider="cuda", **nowhere)
    code, _, findings = diagnosis(environment)
    assert code == 2
    assert "requirements/gpu.txt" in findings["provider"]["fix"]
    assert findings["engine"]["state"] == "broken"
    assert "swapdrop models pull inswapper_128" in findings["engine"]["fix"]
    assert "SWAPDROP_PROVIDER=cpu" in findings["engine"]["fix"]
    troubles = [found for found in findings.values() if found["state"] in {"degraded", "broken"}]
    assert [found["name"] for found in troubles if not found["fix"]] == []


def test_a_wrong_file_in_the_place_of_a_model_is_told_with_its_folder(nowhere: dict[str, str]) -> None:
    folder = Path(nowhere["models_dir"])
    folder.mkdir()
    (folder / "inswapper_128_fp16.onnx").write_text("<html>Sign in to download</html>")
    environment = consumer_environment(NO_BUCKET, engine="inswapper", **nowhere)
    code, _, findings = diagnosis(environment)
    assert code == 2
    wrong = findings["inswapper_128_fp16.onnx"]
    assert wrong["detail"].startswith(f"{folder}: ")
    assert wrong["tried"][0] == wrong["detail"]
    assert len(wrong["tried"]) > 1
    assert wrong["fix"] == "`swapdrop models pull inswapper_128_fp16.onnx`"
    assert "SWAPDROP_ENGINE=mesh" in findings["engine"]["fix"]


def test_running_without_a_bucket_is_a_sentence() -> None:
    done = typed("run", environment=consumer_environment(NO_BUCKET))
    assert done.exit_code == 2
    assert "No bucket is set; set SWAPDROP_BUCKET or R2_BUCKET." in done.stderr


def test_a_misspelt_setting_is_a_sentence() -> None:
    done = typed("doctor", environment={**os.environ, "SWAPDROP_PROVIDR": "cpu"})
    assert done.exit_code == 2
    assert "did you mean SWAPDROP_PROVIDER?" in done.stderr


def test_a_queue_that_the_sdk_cannot_open_is_a_finding_and_a_sentence(nowhere: dict[str, str]) -> None:
    queue = {"queue": "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"}
    environment = {**consumer_environment(NO_BUCKET, **nowhere, **queue), "AWS_PROFILE": "nobody"}
    code, _, findings = diagnosis(environment)
    assert code == 2
    assert "AWS_PROFILE names the profile 'nobody'" in findings["queue"]["detail"]


class Careless(MemoryStore):
    """A store that ignores some conditions, as several S3 look-alikes do."""

    def __init__(self, *, ignores: str) -> None:
        super().__init__()
        self._ignores = ignores

    async def put(self, key: str, body: bytes, **options: Any) -> str:  # noqa: ANN401 -- passes on
        return await super().put(key, body, **{**options, self._ignores: None})


@pytest.mark.parametrize(
    ("ignores", "named"), [("if_none_match", "ignores If-None-Match,"), ("if_match", "ignores If-Match,")]
)
async def test_a_store_that_ignores_conditions_is_refused(ignores: str, named: str) -> None:
    store = Careless(ignores=ignores)
    finding = await _writes(store, "bucket", 0)
    assert finding.state == "broken"
    assert named in finding.detail
    assert await keys_below(store, "") == []


def finding_of(name: str, folder: Path, *, with_file: bool, **asked: str) -> Finding:
    """What is found of one thing, its file being in a folder or not; `own.toml` there is the catalogue."""
    own = {"catalogue": folder / "own.toml", "cache_dir": folder / "cache", "engine": "mesh"}
    models = folder if with_file else folder / "none"
    settings = Settings.model_validate({**own, "models_dir": models, **asked})
    (found,) = [each for each in model_findings(settings) if each.name == name]
    return found


@pytest.mark.parametrize(
    ("wanted", "with_file", "state", "said", "fix"),
    [
        ("auto", True, "ok", "an id is hidden in the pixels", ""),
        (
            "auto",
            False,
            "ok",
            "nothing is hidden",
            "swapdrop models pull rivagan_encoder.onnx rivagan_decoder.onnx",
        ),
        ("off", True, "ok", "nothing is hidden", ""),
        ("on", False, "broken", "needs a file that is not here", "SWAPDROP_WATERMARK=off"),
    ],
)
def test_whether_results_carry_a_watermark_is_told(
    tmp_path: Path, wanted: str, *, with_file: bool, state: str, said: str, fix: str
) -> None:
    (tmp_path / "own.toml").write_text(
        entry(WATERMARK_ENCODER, build_encoder(tmp_path / WATERMARK_ENCODER), "mit")
    )
    found = finding_of("watermark", tmp_path, with_file=with_file, watermark=wanted)
    assert found.state == state
    assert said in found.detail
    assert fix in found.fix
    assert bool(fix) == bool(found.fix)


@pytest.mark.parametrize(
    ("wanted", "with_file", "state", "said", "fix"),
    [
        ("auto", True, "ok", "warns from 0.5, blocks from 0.8", ""),
        ("flag", True, "ok", "warns from 0.5, blocks nothing", ""),
        ("auto", False, "ok", "nobody looks at what pictures show", "swapdrop models pull open-nsfw.onnx"),
        ("off", True, "ok", "nobody looks at what pictures show", ""),
        ("block", False, "broken", "needs a file that is not here", "SWAPDROP_CONTENT_FILTER=off"),
    ],
)
def test_whether_anybody_looks_at_pictures_is_told(
    tmp_path: Path, wanted: str, *, with_file: bool, state: str, said: str, fix: str
) -> None:
    (tmp_path / "own.toml").write_text(
        entry(CONTENT_MODEL, build_content_model(tmp_path / CONTENT_MODEL), "apache-2")
    )
    found = finding_of("content filter", tmp_path, with_file=with_file, content_filter=wanted)
    assert found.state == state
    assert said in found.detail
    assert fix in found.fix
    assert bool(fix) == bool(found.fix)


def test_a_work_folder_that_cannot_be_used_is_broken_and_says_what_to_set(
    nowhere: dict[str, str],
) -> None:
    Path(nowhere["work_dir"]).write_text("in the way")
    code, verdict, findings = diagnosis(consumer_environment(NO_BUCKET, **nowhere))
    found = findings["disk: work folder"]
    assert (code, verdict, found["state"]) == (2, "broken", "broken")
    assert nowhere["work_dir"] in found["detail"]
    assert "SWAPDROP_WORK_DIR" in found["fix"]


def test_a_work_folder_with_less_room_than_jobs_may_take_is_degraded(nowhere: dict[str, str]) -> None:
    environment = consumer_environment(NO_BUCKET, **nowhere | {"disk_budget_bytes": str(1 << 60)})
    found = diagnosis(environment)[2]["disk: work folder"]
    assert found["state"] == "degraded"
    assert "SWAPDROP_DISK_BUDGET_BYTES (1073741824.0 GiB)" in found["fix"]


@pytest.mark.parametrize("there", [True, False])
def test_looking_at_the_work_folder_leaves_nothing_in_it(nowhere: dict[str, str], there: bool) -> None:  # noqa: FBT001 -- a case
    work = Path(nowhere["work_dir"])
    if there:
        work.mkdir()
    found = diagnosis(consumer_environment(NO_BUCKET, **nowhere))[2]["disk: work folder"]
    assert found["state"] == "ok"
    assert work.exists() == there
    assert [path.name for path in work.glob("[!.]*")] == []
