"""The commands as people type them: every kind of ending once in a process of its own, else in this one."""

import json
import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from pipeline.media.pictures.decode import Limits, decode
from storage import keys
from storage.stores.s3_store import S3Settings
from tests.support.buckets import ASTRONAUT, HOPPER, fresh_bucket, keys_below
from tests.support.command import LOOK_ALIKES, Ended, look_alikes, swapdrop, swapdrop_process
from tests.support.consumers import consumer_environment, run_consumer
from tests.support.engines import picture, png
from tests.support.model_files import OwnModels

SAMPLES = Path(str(resources.files("consumer.samples")))
SOURCE, TARGET = SAMPLES / "astronaut.png", SAMPLES / "grace_hopper.jpg"


def test_help_names_every_command() -> None:
    told = swapdrop_process("--help").stdout
    for command in (
        "demo",
        "run",
        "submit",
        "status",
        "watch",
        "cancel",
        "result",
        "swap",
        "config",
        "doctor",
    ):
        assert f" {command} " in told


def test_swap_needs_no_bucket_and_takes_the_format_from_the_output_name(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "out.webp"
    done = swapdrop_process("swap", SOURCE, TARGET, "-o", output)
    assert done.exit_code == 0, done.stderr
    assert "1 of 1 faces swapped" in done.stderr
    picture = decode(output.read_bytes(), Limits())
    assert picture.media.name == "webp"
    assert picture.bgr.shape == decode(HOPPER, Limits()).bgr.shape


def test_swap_says_what_is_wrong_and_writes_nothing(tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    page.write_text("<html>")
    done = swapdrop_process("swap", SOURCE, page, "-o", tmp_path / "out.png")
    assert done.exit_code == 1
    assert "HTML" in done.stderr
    assert "unsupported_media" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.png").exists()


def test_swap_takes_the_engine_and_the_enhancer_whose_files_are_here(
    tmp_path: Path, inswapper_files: dict[str, Path]
) -> None:
    own = OwnModels(tmp_path, inswapper_files)
    settings = {f"SWAPDROP_{name.upper()}": str(value) for name, value in own.settings.items()}
    environment = {**os.environ, **settings}
    rectangle = tmp_path / "rectangle.png"
    rectangle.write_bytes(png(picture(640, 640, faces=((240, 200, 160, 200),))))
    words = ("swap", rectangle, rectangle, "-o", tmp_path / "out.png", "--engine", "inswapper")
    missing = swapdrop(*words, environment=environment)
    assert missing.exit_code == 1
    assert "`swapdrop models pull inswapper_128_fp16` gets them all" in missing.stderr
    assert missing.stderr.count("swapdrop models pull") == 1
    assert str(own.models_dir) in missing.stderr.replace("\n", "")
    own.bring()
    done = swapdrop(*words, environment=environment)
    assert done.exit_code == 0, done.stderr
    assert "basic_engine" not in done.stderr
    lacking = swapdrop(*words, "--enhance", environment=environment)
    assert lacking.exit_code == 1
    assert "gfpgan_1.4.onnx" in lacking.stderr
    own.bring(["gfpgan_1.4.onnx"])
    assert swapdrop(*words, "--enhance", environment=environment).exit_code == 0


async def test_a_job_is_submitted_watched_shown_and_fetched(seaweedfs_s3: S3Settings, tmp_path: Path) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        environment = consumer_environment(settings)
        submitted = swapdrop_process("submit", SOURCE, TARGET, "--format", "png", environment=environment)
        assert submitted.exit_code == 0, submitted.stderr
        job = submitted.stdout.strip()
        pending = json.loads(swapdrop("status", job, environment=environment).stdout)
        assert pending["status"] == "pending"
        assert swapdrop("result", job, environment=environment).exit_code == 1
        with run_consumer(environment, tmp_path / "log"):
            watched = swapdrop("watch", job, environment=environment)
        assert watched.exit_code == 0, watched.stderr
        shown = json.loads(swapdrop("status", job, environment=environment).stdout)
        assert shown["status"] == "completed"
        assert watched.stdout.strip() == shown["result"]["key"]
        saved = swapdrop("result", job, "-o", tmp_path / "out.png", environment=environment)
        assert saved.exit_code == 0
        assert decode((tmp_path / "out.png").read_bytes(), Limits()).media.name == "png"
        assert len(await keys_below(store, keys.UPLOADS)) == 2


async def test_a_wrong_option_is_a_sentence_and_uploads_nothing(seaweedfs_s3: S3Settings) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        environment = consumer_environment(settings)
        done = swapdrop("submit", SOURCE, TARGET, "--format", "bmp", environment=environment)
        assert done.exit_code == 1
        assert "output_format" in done.stderr
        assert "Traceback" not in done.stderr
        assert not await keys_below(store, "")


async def test_a_cancelled_job_is_never_done(seaweedfs_s3: S3Settings, tmp_path: Path) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        environment = consumer_environment(settings)
        job = swapdrop("submit", SOURCE, TARGET, environment=environment).stdout.strip()
        assert swapdrop("cancel", job, environment=environment).exit_code == 0
        with run_consumer(environment, tmp_path / "log"):
            watched = swapdrop("watch", job, environment=environment)
        assert watched.exit_code == 1
        assert "cancelled" in watched.stderr
        again = swapdrop("cancel", job, environment=environment)
        assert again.exit_code == 1
        assert "already ended" in again.stderr
        assert not await keys_below(store, keys.RESULTS)


def test_config_tells_where_a_setting_comes_from_and_masks_secrets() -> None:
    environment = {"R2_BUCKET": "pictures", "R2_SECRET_ACCESS_KEY": "hush-hush", "R2_ACCESS_KEY_ID": "key"}
    told = json.loads(swapdrop("config", "--json", environment=environment).stdout)
    assert (told["bucket"]["value"], told["bucket"]["source"]) == ("pictures", "R2_BUCKET")
    assert told["health_port"]["source"] == "default"
    assert "hush-hush" not in swapdrop("config", environment=environment).stdout
    assert "hush-hush" not in json.dumps(told)


@pytest.mark.parametrize(
    ("run", "command"),
    [(swapdrop_process, ["run"]), (swapdrop, ["status", "some-job"]), (swapdrop, ["config"])],
)
def test_a_misspelt_setting_is_a_sentence_that_names_the_right_one(
    run: Callable[..., Ended], command: list[str]
) -> None:
    done = run(*command, environment={"SWAPDROP_LEASE_TLL_S": "9"})
    assert done.exit_code == 2
    assert "SWAPDROP_LEASE_TTL_S" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["status", "some-job"], ["submit", str(SOURCE), str(TARGET)]])
def test_without_a_bucket_the_next_step_is_named(command: list[str]) -> None:
    done = swapdrop(*command, environment={})
    assert done.exit_code != 0
    assert "R2_BUCKET" in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_swaps_both_portraits_and_leaves_its_pictures_whatever_else_lies_in_the_folder(
    tmp_path: Path,
) -> None:
    done = swapdrop_process("demo", "-o", tmp_path, cwd=look_alikes(tmp_path / "here", *LOOK_ALIKES))
    assert done.exit_code == 0, done.stdout + done.stderr
    assert "Both jobs completed" in done.stdout
    assert (tmp_path / "before-after.png").exists()
    (result,) = [path for path in tmp_path.glob("*.png") if path.name != "before-after.png"]
    before, after = decode(ASTRONAUT, Limits()).bgr, decode(result.read_bytes(), Limits()).bgr
    changed = (before != after).any(axis=2)
    assert 0.01 < changed.mean() < 0.1
