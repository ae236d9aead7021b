"""What the doctor says of the engine and of every model file that it knows."""

from collections.abc import Iterator
from typing import Final

from consumer.cli.finding import Finding, ok
from consumer.config.groups.models import AUTO, MESH
from consumer.config.settings import Settings
from consumer.engines.model_files import open_model_store
from consumer.engines.on_disk import FilesMissing
from consumer.engines.registry import (
    CONTENT_MODEL,
    WATERMARK_DECODER,
    WATERMARK_ENCODER,
    CatalogueRegistry,
)
from models.embedded import embedded_path, embedded_weights
from models.errors import ModelError
from models.store.model_store import Found, Missing, ModelStore
from models.store.places import reason

_MIB: Final = 2**20


def model_findings(settings: Settings) -> Iterator[Finding]:
    """Open the engine in the settings, and look for each file of the catalogue."""
    yield _embedded()
    try:
        store = open_model_store(settings)
    except ValueError as error:
        yield Finding(name="models", state="broken", detail=str(error), fix="correct this setting")
        return
    yield _folders(store)
    engines = CatalogueRegistry(settings, store)
    yield _content_filter(settings, engines)
    yield _watermark(settings, engines)
    needed: set[str] = set()
    try:
        ready = engines.find(AUTO)
        needed = set(ready.models)
        info = ready.open().info
    except FilesMissing as error:
        needed = set(error.missing)
        yield _engine_without_files(settings, error)
    except (ModelError, ImportError) as error:
        yield Finding(
            name="engine", state="broken", detail=str(error), fix="mend what is named, or use another engine"
        )
    else:
        better = settings.engine == AUTO and info.name == MESH
        hint = "; inswapper, once its files are here, is closer in likeness" if better else ""
        yield ok("engine", f"{info.name} runs on {info.provider}, {len(info.models)} files verified{hint}")
    for name in store.catalogue.files:
        yield _file(store, name, needed=name in needed)


def _folders(store: ModelStore) -> Finding:
    """Whether each is there; one that this user may not see into is no reason to say no more."""
    lines, closed = [], False
    for folder in (place.folder for place in store.places):
        try:
            note = "" if folder.is_dir() else " (not there)"
        except OSError as error:
            note, closed = f" ({reason(error)})", True
        lines.append(f"{folder}{note}")
    if not closed:
        return ok("model folders", "\n".join(lines))
    fix = "let this user into the folder, or name another: SWAPDROP_MODELS_DIR, SWAPDROP_CACHE_DIR"
    return Finding(name="model folders", state="degraded", detail="\n".join(lines), fix=fix)


def _embedded() -> Finding:
    try:
        for name in embedded_weights():
            embedded_path(name)
    except ModelError as error:
        return Finding(name="shipped models", state="broken", detail=str(error), fix="install swapdrop again")
    return ok("shipped models", f"{len(embedded_weights())} files verified")


def _content_filter(settings: Settings, engines: CatalogueRegistry) -> Finding:
    name, pull = "content filter", f"`swapdrop models pull {CONTENT_MODEL}`"
    try:
        found = engines.content_check()
    except ModelError as error:
        fix = f"{pull}, or set SWAPDROP_CONTENT_FILTER=off"
        return Finding(name=name, state="broken", detail=str(error), fix=fix)
    if found is None and settings.content_filter == "off":
        return ok(name, "off: nobody looks at what pictures show")
    if found is None:
        detail = f"off, as {CONTENT_MODEL} is not here: nobody looks at what pictures show"
        return Finding(name=name, state="ok", detail=detail, fix=pull)
    flag_from, block_from = found.rules
    blocks = f", blocks from {block_from:g}" if block_from is not None else ", blocks nothing"
    return ok(name, f"warns from {flag_from:g}{blocks}")


def _watermark(settings: Settings, engines: CatalogueRegistry) -> Finding:
    name, pull = "watermark", f"`swapdrop models pull {WATERMARK_ENCODER} {WATERMARK_DECODER}`"
    try:
        found = engines.watermarker()
    except ModelError as error:
        fix = f"{pull}, or set SWAPDROP_WATERMARK=off"
        return Finding(name=name, state="broken", detail=str(error), fix=fix)
    if found is not None:
        return ok(name, "an id is hidden in the pixels of results")
    if settings.watermark == "off":
        return ok(name, "off: nothing is hidden in the pixels of results")
    detail = f"off, as {WATERMARK_ENCODER} is not here: nothing is hidden in the pixels of results"
    return Finding(name=name, state="ok", detail=detail, fix=pull)


def _engine_without_files(settings: Settings, error: FilesMissing) -> Finding:
    fix = f"`{error.command}`"
    if settings.provider != "cpu":
        fix += ", or set SWAPDROP_PROVIDER=cpu for the mesh engine, which needs none"
    elif settings.engine != AUTO:
        fix += ", or set SWAPDROP_ENGINE=mesh, which needs none"
    names = ", ".join(error.missing)
    return Finding(name="engine", state="broken", detail=f"{settings.engine} lacks {names}", fix=fix)


def _file(store: ModelStore, name: str, *, needed: bool) -> Finding:
    place = store.locate(name)
    if isinstance(place, Found):
        return ok(name, f"{place.path}, {place.path.stat().st_size / _MIB:.0f} MiB, verified")
    tried = tuple(map(str, place.candidates))
    if not needed and not place.bad:
        return Finding(name=name, state="unused", detail="not here, and not needed", tried=tried)
    return Finding(
        name=name,
        state="broken" if needed else "degraded",
        detail=_fault(place),
        fix=f"`swapdrop models pull {name}`",
        tried=tried,
    )


def _fault(place: Missing) -> str:
    bad = [str(candidate) for candidate in place.candidates if candidate.bad]
    return "\n".join(bad) or "in none of the model folders"
