"""The examples of docs/web.md work as they stand, one after the other."""

import re
import shutil
import subprocess
from pathlib import Path

from consumer.samples import __file__ as samples
from infra.local.programs import ROOT
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.sniff import sniff
from tests.support.buckets import HOPPER
from tests.support.local_stack import LocalStack, needs_tools
from tests.support.web_clips import grace

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SITE = "http://127.0.0.1:8788"


def test_the_examples_send_jobs_follow_them_and_fetch_the_results(stack: LocalStack, tmp_path: Path) -> None:
    needs_tools("bash", "curl", "jq")
    shutil.copytree(Path(samples).parent, tmp_path / "consumer" / "samples")
    (tmp_path / "clip.mp4").write_bytes(grace())
    blocks = BLOCK.findall((ROOT / "docs" / "web.md").read_text(encoding="utf-8"))
    script = "\n".join(["set -euo pipefail", *blocks])
    assert script.count(SITE) == 1
    done = subprocess.run(
        ["bash", "-c", script.replace(SITE, stack.url)],  # noqa: S607 - bash from PATH
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"status": "completed"' in done.stdout
    assert re.search(r"^face_0\t[\d.]+\t", done.stdout, re.MULTILINE)
    assert re.search(r"completed\t\S+\.mp4\t\S+/poster\t\S+/preview$", done.stdout, re.MULTILINE)
    for name, kind in (("poster.jpg", "jpeg"), ("preview.mp4", "mp4"), ("moment.mp4", "mp4")):
        assert sniff((tmp_path / name).read_bytes()).name == kind
    assert (tmp_path / "moment.mp4").stat().st_size == 1000
    swapped = decode((tmp_path / "swapped.jpg").read_bytes(), Limits()).bgr
    before = decode(HOPPER, Limits()).bgr
    assert swapped.shape == before.shape
    assert (swapped != before).any()
