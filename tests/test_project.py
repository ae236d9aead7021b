"""What holds for the project as a whole: headless, one ONNX Runtime, honest locks, nothing private."""

import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import get_args

import pytest

from models.errors import FaultKind, ModelError
from pipeline.face import NoticeCode
from storage.errors import StorageError
from storage.inbox.puzzles import NOT_UNDERSTOOD
from storage.records.status import ErrorCode, WarningCode

ROOT = Path(__file__).parents[1]
PACKAGES = ("consumer", "models", "pipeline", "storage")
LOCKS = {path.stem: path.read_text() for path in sorted((ROOT / "requirements").glob("*.txt"))}
REQUIREMENT = re.compile(
    r"([a-z0-9][a-z0-9-]*)(?:\[[a-z,-]+\])?==(\S+)(?: ; [^-]+)?((?: --hash=sha256:[0-9a-f]{64})+)"
)

# Imports everything with the GUI toolkits made unimportable, then looks at what the process really loaded.
IMPORT_ALL = """
import importlib, re, sys
from pathlib import Path

class NoToolkits:
    names = {"tkinter", "_tkinter", "PyQt5", "PyQt6", "PySide2", "PySide6", "gi", "wx", "matplotlib"}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ImportError(f"{name} must not be imported")

sys.meta_path.insert(0, NoToolkits())
for name in sys.argv[1:]:
    importlib.import_module(name)
maps = Path("/proc/self/maps").read_text() if sys.platform == "linux" else ""
loaded = set(re.findall(r"/(lib(?:GL|GLX|EGL|gtk|gdk|Qt\\d|X11|tk)[-.\\w]*\\.so\\S*)", maps))
assert not loaded, sorted(loaded)

import cv2
assert re.search(r"GUI:\\s+NONE", cv2.getBuildInformation()), "this OpenCV can open windows"
"""


def modules() -> list[str]:
    """Name every importable module of the four packages; stand-alone scripts are not in a package."""
    found = list(PACKAGES)
    for package in PACKAGES:
        paths = importlib.import_module(package).__path__
        found += [
            module.name
            for module in pkgutil.walk_packages(paths, f"{package}.")
            if not module.name.startswith("models.conversion")
        ]
    return sorted(found)


def installed(prefix: str) -> set[str]:
    """Name the installed distributions that begin with `prefix`."""
    names = {dist.metadata["Name"].lower().replace("_", "-") for dist in distributions()}
    return {name for name in names if name.startswith(prefix)}


def requirements(lock: str) -> dict[str, str]:
    """Read a lock as name -> version; fails on any line that is not a pinned and hashed requirement."""
    lines = re.sub(r" *\\\n *", " ", LOCKS[lock]).splitlines()
    entries = [line for line in lines if line and not line.lstrip().startswith("#")]
    matches = [REQUIREMENT.fullmatch(line) for line in entries]
    unpinned = [line for line, match in zip(entries, matches, strict=True) if match is None]
    assert not unpinned, f"{lock}.txt: not pinned and hashed: {unpinned}"
    return {match[1]: match[2] for match in matches if match is not None}


def tracked() -> Iterator[tuple[str, str]]:
    """Yield the name and text of every text file under version control."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S607 -- git from PATH
    for name in filter(None, listed.stdout.split("\0")):
        body = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in body:
            yield name, body.decode()


def error_classes() -> list[type[StorageError | ModelError]]:
    """Every error class of the four packages, however deep."""
    for name in modules():
        importlib.import_module(name)
    found: list[type[StorageError | ModelError]] = []
    waiting: list[type[StorageError | ModelError]] = [StorageError, ModelError]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        found += [cls] if cls.__module__.partition(".")[0] in PACKAGES else []
    return found


def test_every_module_imports_without_a_gui_toolkit_or_gui_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *modules()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_exactly_one_onnx_runtime_is_installed() -> None:
    assert len(installed("onnxruntime")) == 1


def test_only_the_headless_opencv_is_installed() -> None:
    assert installed("opencv") == {"opencv-python-headless"}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_and_hashes_every_requirement_and_names_no_address(lock: str) -> None:
    assert requirements(lock)
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|file:", LOCKS[lock])


@pytest.mark.parametrize(
    ("lock", "runtime"),
    [("cpu", "onnxruntime"), ("demo", "onnxruntime"), ("dev", "onnxruntime"), ("gpu", "onnxruntime-gpu")],
)
def test_lock_holds_one_onnx_runtime_and_only_the_headless_opencv(lock: str, runtime: str) -> None:
    names = requirements(lock)
    assert [name for name in names if name.startswith("onnxruntime")] == [runtime]
    assert [name for name in names if name.startswith("opencv")] == ["opencv-python-headless"]


@pytest.mark.parametrize("lock", ["cpu", "gpu"])
def test_production_lock_ships_no_mock_of_the_storage(lock: str) -> None:
    assert not {"moto", "flask", "werkzeug"} & requirements(lock).keys()


@pytest.mark.parametrize(("smaller", "larger"), [("cpu", "demo"), ("demo", "dev"), ("build", "dev")])
def test_what_is_tested_is_what_is_shipped_version_for_version(smaller: str, larger: str) -> None:
    assert requirements(smaller).items() <= requirements(larger).items()


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "infra/README.md", "docs/web.md", "docs/deploy.md"]
)
def test_every_make_command_in_the_docs_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)(?=`|\s*$|\s+#)", (ROOT / name).read_text(), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "infra"])
def test_every_relative_link_in_the_docs_leads_somewhere(name: str) -> None:
    documents = [
        (ROOT / file, text) for file, text in tracked() if file.endswith(".md") and file.startswith(name)
    ]
    assert documents
    broken = [
        f"{document.relative_to(ROOT)}: {link}"
        for document, text in documents
        for link in re.findall(r"\]\(([^)#]+)\)", text)
        if "://" not in link and not (document.parent / link).exists()
    ]
    assert not broken


def test_no_tracked_file_names_a_folder_of_somebodys_machine() -> None:
    folder = re.compile(r"(?<![\w.\]/-])/(?:home|root|work|Users)/[\w.-]")
    assert not [f"{name}: {match[0]}" for name, text in tracked() if (match := folder.search(text))]


def test_no_tracked_file_holds_a_credential() -> None:
    credential = re.compile(
        r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|BEGIN (?:[A-Z]+ )?PRIVATE KEY-|\bgh[pousr]_\w{36}"
    )
    assert not [name for name, text in tracked() if credential.search(text)]


def test_every_error_code_is_in_the_contracts_vocabulary() -> None:
    codes = set(get_args(ErrorCode))
    assert not [cls.__name__ for cls in error_classes() if cls.code not in codes]


def test_every_warning_code_is_in_the_contracts_vocabulary() -> None:
    spelled = re.compile(r"JobWarning\(\s*code=(?:\"(\w+)\"|(\w+))")
    sources = [text for name, text in tracked() if name.endswith(".py") and name.split("/")[0] in PACKAGES]
    literal = {match[1] for text in sources for match in spelled.finditer(text) if match[1]}
    assert literal
    assert literal | {NOT_UNDERSTOOD} | set(get_args(NoticeCode)) == set(get_args(WarningCode))


@pytest.mark.parametrize("vocabulary", [ErrorCode, WarningCode])
def test_every_code_is_told_in_the_docs(vocabulary: object) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    untold = {code for code in get_args(vocabulary) if f"`{code}`" not in text}
    assert untold - {"text_encoded"} == set()  # which nothing gives: subtitles lose nothing as MP4's text


def test_every_error_says_what_becomes_of_the_job_and_tells_its_sender_in_a_sentence() -> None:
    for cls in error_classes():
        assert cls.kind in get_args(FaultKind)
        message = inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0]
        assert re.fullmatch(r"[A-Z].*\.", message, re.DOTALL), cls.__name__


def test_the_worker_tells_the_version_of_the_project() -> None:
    package = json.loads((ROOT / "infra" / "worker" / "package.json").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert package["version"] == project["project"]["version"]
