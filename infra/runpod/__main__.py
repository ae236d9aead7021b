"""`python -m infra.runpod endpoint --image …`: make the template, and the endpoint or pod that runs it."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import runpod  # type: ignore[import-untyped]  # it ships no types
import yaml  # type: ignore[import-untyped]  # as above

FOLDER: Final = Path(__file__).parent
_KINDS: Final = ("endpoint", "pod")


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 1 and a sentence where RunPod refuses."""
    parser = argparse.ArgumentParser(prog="python -m infra.runpod", description=__doc__)
    parser.add_argument("kind", choices=_KINDS)
    parser.add_argument(
        "--image", required=True, help="as pushed: the target runpod for an endpoint, gpu for a pod"
    )
    parser.add_argument("--volume", help="id of a network volume for model files")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be asked for, and ask for nothing"
    )
    told = parser.parse_args(arguments)
    plan = read_plan(told.kind, image=told.image, volume=told.volume)
    if told.dry_run:
        say(json.dumps(plan, indent=2))
        return 0
    if not runpod.api_key:
        return fail("RUNPOD_API_KEY is not set; make a key in the console, Settings, API Keys.")
    try:
        made = make(told.kind, plan)
    except (runpod.error.RunPodError, ValueError) as error:
        return fail(f"RunPod refuses: {error} Names must be new: delete what an earlier call has made.")
    say(f"made the {told.kind} {made}")
    return 0


def read_plan(kind: str, *, image: str, volume: str | None) -> dict[str, dict[str, Any]]:
    """What to ask for: the arguments of `create_template`, and of `create_endpoint` or `create_pod`."""
    plan: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / f"{kind}.yaml").read_text())
    plan["template"]["image_name"] = image
    if kind == "pod":
        plan["pod"]["image_name"] = image
    if volume is not None:
        plan[kind]["network_volume_id"] = volume
    return plan


def make(kind: str, plan: Mapping[str, Mapping[str, Any]]) -> str:
    """Make the template and what runs it, and return the latter's id; raises QueryError, ValueError."""
    template: str = runpod.create_template(**plan["template"])["id"]
    create = runpod.create_endpoint if kind == "endpoint" else runpod.create_pod
    made: str = create(**plan[kind], template_id=template)["id"]
    return made


def fail(text: str) -> int:
    """Say what is wrong."""
    sys.stderr.write(f"{text}\n")
    return 1


def say(text: str) -> None:
    """Write a line for the person who runs this."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
