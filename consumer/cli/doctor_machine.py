"""What the doctor says of Python, its packages, the GPU and the codecs, and with them of the disk."""

import platform
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Final

import pillow_heif
from PIL import features

from consumer.cli.doctor_disk import disk_findings
from consumer.cli.finding import Finding, ok
from consumer.config.settings import Settings
from models.devices import (
    HOW_TO_INSTALL,
    ON_CUDA,
    ORT_NAMES,
    Provider,
    available_providers,
    gpus,
    has_gpu_build,
    libraries,
    runtime_distributions,
)

_OPENCVS: Final = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
# Pillow's name of the feature, and the one under which it tells the version.
_CODECS: Final = {"JPEG": "libjpeg_turbo", "PNG": "zlib", "WebP": "webp", "AVIF": "avif"}


def machine_findings(settings: Settings) -> Iterator[Finding]:
    """Python, packages, provider, GPU, disk and codecs; loads the GPU's libraries where they matter."""
    yield ok("python", f"{platform.python_version()} on {platform.machine()}")
    yield _exactly_one(
        "ONNX Runtime",
        runtime_distributions(),
        "uninstall them all, then install one: docs/install.md, Where networks run",
    )
    yield _exactly_one("OpenCV", _versions(*_OPENCVS), "keep only opencv-python-headless")
    yield _packages()
    yield _provider(settings.provider)
    if has_gpu_build() or settings.provider in ON_CUDA:
        yield from _gpu(settings.provider)
    yield from disk_findings(settings)
    yield _codecs()


def _versions(*names: str) -> list[str]:
    installed = {each.metadata["Name"]: each.version for each in metadata.distributions()}
    return [f"{name} {installed[name]}" for name in names if name in installed]


def _exactly_one(name: str, installed: Sequence[str], fix: str) -> Finding:
    detail = ", ".join(installed) or "not installed"
    if len(installed) == 1:
        return ok(name, detail)
    return Finding(name=name, state="broken", detail=detail, fix=fix)


def _packages() -> Finding:
    found = ", ".join(_versions("numpy", "insightface", "onnx", "pillow", "aiobotocore", "aiohttp"))
    if "insightface" in found:
        return ok("packages", found)
    return Finding(
        name="packages",
        state="degraded",
        detail=f"{found}; no insightface, so that only the mesh engine works",
        fix="install swapdrop again, with its dependencies",
    )


def _provider(provider: Provider) -> Finding:
    available = ", ".join(available_providers())
    if ORT_NAMES[provider] in available_providers():
        return ok("provider", f"{provider}; ONNX Runtime has {available}")
    return Finding(
        name="provider",
        state="broken",
        detail=f"{provider} is asked for; this ONNX Runtime has only {available}",
        fix=f"{HOW_TO_INSTALL[provider]}, or set SWAPDROP_PROVIDER=cpu",
    )


def _gpu(provider: Provider) -> Iterator[Finding]:
    found = gpus()
    names = ", ".join(f"{gpu.name} ({gpu.memory_bytes / 2**30:.0f} GiB)" for gpu in found)
    if found:
        yield ok("GPU", names)
    else:
        yield Finding(
            name="GPU",
            state="degraded" if provider == "cpu" else "broken",
            detail="no driver, or the driver shows no GPU to this process",
            fix="install the NVIDIA driver, run the container with `--gpus all`, or use requirements/cpu.txt",
        )
    for library in libraries("cuda" if provider == "cpu" else provider):
        if library.path is not None:
            yield ok(library.name, str(library.path))
            continue
        yield Finding(
            name=library.name,
            state="degraded" if provider == "cpu" else "broken",
            detail="not found by the dynamic loader",
            fix=library.fix,
        )


def _codecs() -> Finding:
    found = {name: features.version(feature) for name, feature in _CODECS.items()}
    found["HEIF"] = pillow_heif.libheif_version()
    detail = ", ".join(f"{name} {version}" for name, version in found.items() if version)
    missing = ", ".join(name for name, version in found.items() if not version)
    if not missing:
        return ok("codecs", detail)
    return Finding(
        name="codecs",
        state="degraded",
        detail=f"{detail}; missing: {missing}",
        fix="install the binary wheels of Pillow and pillow-heif",
    )
