"""Asserts, from inside a built image, what must not be in it; piped into the image's `python -`.

Uses the standard library alone. Exits non-zero with one sentence for each fault.
"""  # noqa: INP001 -- a script that is piped into an image, not a package

import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

GUI_LIBRARY = re.compile(r"lib(GL|GLX|EGL|OpenGL|gtk|gdk|Qt\d|X11|tk|wayland|SDL)[-.\w]*\.so")
CONTENT_MODEL = Path("/app/models/open-nsfw.onnx")
BUILD_TOOLS = ("gcc", "cc", "g++", "make", "cmake", "git")


def gui_libraries() -> Iterator[str]:
    """Yield the path of every shared library of a GUI toolkit that the image's user can see."""
    for folder, folders, files in os.walk("/"):
        if folder == "/":
            folders[:] = [name for name in folders if name not in {"proc", "sys", "dev"}]
        yield from (f"{folder}/{name}" for name in files if GUI_LIBRARY.match(name))


def installed(prefix: str) -> list[str]:
    """Return the names of the installed distributions that start with `prefix`."""
    names = {dist.metadata["Name"].lower().replace("_", "-") for dist in distributions()}
    return sorted(name for name in names if name.startswith(prefix))


def faults() -> Iterator[str]:
    """Yield one sentence for each thing that is not as it must be."""
    if os.getuid() == 0:
        yield "the image runs as root"
    if os.access(sys.prefix, os.W_OK):
        yield "the image's user may change the installed code"
    yield from (f"a GUI library is in the image: {path}" for path in gui_libraries())
    yield from (f"a build tool is in the image: {tool}" for tool in BUILD_TOOLS if shutil.which(tool))
    if (found := installed("opencv")) != ["opencv-python-headless"]:
        yield f"expected the headless OpenCV alone, found {found}"
    if len(found := installed("onnxruntime")) != 1:
        yield f"expected one ONNX Runtime, found {found}"
    if not CONTENT_MODEL.is_file():
        yield f"the weights of the content filter are not in the image: {CONTENT_MODEL}"
    if found := installed("pip"):
        yield f"an installer is in the environment: {found}"


if __name__ == "__main__":
    if found := list(faults()):
        sys.exit("\n".join(found))
    sys.stdout.write(f"as it should be: uid {os.getuid()}, {len(list(distributions()))} distributions\n")
