"""Manifests as `kubectl kustomize` makes them, and whether Kubernetes and KEDA would take them."""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types
from cloudcoil.models.keda import v1alpha1 as keda

Manifest = dict[str, Any]
_KUBERNETES = "1.33"
_KNOWS_COMPONENTS = 21  # 1.21 brought kustomize 4
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@cache
def render(folder: Path) -> tuple[Manifest, ...]:
    """All manifests of a kustomization; skips the test without kubectl, fails it in CI.

    One that knows no components, such as Debian 12's, skips it everywhere. Raises ValueError where kubectl
    has something to say.
    """
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)("kubectl is not installed")
    told = subprocess.run(
        [kubectl, "version", "--client", "--output=json"], capture_output=True, text=True, check=True
    )
    if int(json.loads(told.stdout)["clientVersion"]["minor"].rstrip("+")) < _KNOWS_COMPONENTS:
        pytest.skip("this kubectl is too old: its kustomize knows no components")
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:  # what is deprecated is told there
        raise ValueError(done.stderr)
    return tuple(yaml.safe_load_all(done.stdout))


def validate(manifest: Manifest) -> None:
    """Hold a manifest to the schema of its kind; a field that the kind does not have is an error too.

    Raises ValueError, or what the validators raise.
    """
    if not manifest["apiVersion"].startswith("keda.sh/"):
        kubernetes_validate.validate(manifest, _KUBERNETES, strict=True)
        return
    model = getattr(keda, manifest["kind"]).model_validate(manifest)
    # KEDA's models pass over what they do not know: it is missing from what they give back.
    if (known := model.model_dump(mode="json", by_alias=True, exclude_unset=True)) != manifest:
        raise ValueError(f"KEDA knows only {known} of {manifest}")


def quantity_bytes(text: str) -> int:
    """A quantity such as 10Gi in bytes."""
    number, unit = text[:-2], text[-2:]
    return int(number) * _UNITS[unit]
