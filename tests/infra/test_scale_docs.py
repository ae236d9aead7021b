"""What docs/scale.md says of the deployments is what lies in infra."""

import re

import pytest

from infra.local.programs import ROOT

TEXT = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
MANIFESTS = ROOT / "infra" / "kubernetes"


def test_every_folder_of_manifests_is_told_and_no_other() -> None:
    rows = re.findall(
        r"^\| (`[^|]+`) \| [^|]+ \|$", TEXT.partition("| folder |")[2].partition("\n\n")[0], re.MULTILINE
    )
    told = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert told == {str(path.parent.relative_to(MANIFESTS)) for path in MANIFESTS.rglob("kustomization.yaml")}


@pytest.mark.parametrize("command", re.findall(r"^(?:cd|cp -r) (infra/\S+)", TEXT, re.MULTILINE))
def test_commands_name_folders_that_are_there(command: str) -> None:
    assert (ROOT / command).is_dir()


def test_the_figures_of_a_jobs_calls_add_up_to_those_of_the_queues_page() -> None:
    (writes, reads, deletes) = re.findall(
        r"^\| a picture job, .*? \| (\d): .*? \| (\d): .*? \| (\d) DELETE", TEXT, re.MULTILINE
    )[0]
    assert int(writes) + int(reads) + int(deletes) == 9
    assert "the nine calls of a picture job" in (ROOT / "docs" / "queues.md").read_text(encoding="utf-8")
