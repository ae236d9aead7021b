"""The settings as the environment gives them: the only place that reads it.

A variable that is set but empty counts as not set, so that `NAME=${NAME:-}` in a compose file means the
default.
"""

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from pydantic import SecretStr, ValidationError

from consumer.config.settings import Settings, SettingsError

_PREFIX = "SWAPDROP_"
_MASK = "********"
# Names a setting goes by besides its SWAPDROP_ one; the first that is set wins.
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "bucket": ("R2_BUCKET", "R2_BUCKET_NAME", "AWS_BUCKET", "S3_BUCKET"),
    "endpoint_url": ("R2_ENDPOINT_URL", "R2_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "account_id": ("R2_ACCOUNT_ID",),
    # AWS_ACCESS_KEY_ID and its like are the SDK's to read: it also knows tokens, profiles and roles.
    "access_key_id": ("R2_ACCESS_KEY_ID",),
    "secret_access_key": ("R2_SECRET_ACCESS_KEY",),
    "region": ("R2_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
    "models_dir": ("MODELS_DIR",),
    "queue_token": ("CLOUDFLARE_API_TOKEN",),
}

_RETIRED: Mapping[str, str] = {
    "SWAPDROP_JOB_TIMEOUT_S": "a job may take as long as its work moves; SWAPDROP_STALL_TIMEOUT_S says how "
    "long it may stand still.",
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One line of `swapdrop config`; `source` is `default` or the variable the value came from."""

    name: str
    value: str
    source: str
    description: str


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment (`os.environ` if not given).

    Raises:
        SettingsError: an unknown `SWAPDROP_` variable, or a value out of bounds; says which and why.
    """
    environ = os.environ if environ is None else environ
    known = {name: env_names(name) for name in Settings.model_fields}
    _refuse_unknown(environ, [names[0] for names in known.values()])
    sources = {
        field: next((name for name in names if environ.get(name)), None) for field, names in known.items()
    }
    found = {field: name for field, name in sources.items() if name is not None}
    try:
        settings = Settings.model_validate({field: environ[name] for field, name in found.items()})
    except ValidationError as error:
        raise SettingsError(_explain(error, found)) from None
    settings.sources.update(found)
    return settings


def explain(settings: Settings) -> list[Setting]:
    """Every setting in force, in order of definition, secrets masked."""
    return [
        Setting(
            name=name,
            value=_shown(getattr(settings, name)),
            source=settings.sources.get(name, "default"),
            description=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def env_names(field: str) -> tuple[str, ...]:
    """The variables a setting is read from, in order of precedence."""
    return (f"{_PREFIX}{field.upper()}", *_OTHER_NAMES.get(field, ()))


def _refuse_unknown(environ: Mapping[str, str], known: list[str]) -> None:
    for name in sorted(environ):
        if name in _RETIRED:
            raise SettingsError(f"{name} is no setting any more: {_RETIRED[name]}")
        if name.startswith(_PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0)
            raise SettingsError(f"{name} is not a setting; did you mean {close[0]}?")


def _explain(error: ValidationError, found: Mapping[str, str]) -> str:
    """One sentence a fault; values are not repeated, because a secret could be among them."""
    sentences = []
    for fault in error.errors(include_url=False, include_input=False):
        reason = fault["msg"].removeprefix("Value error, ")
        if not fault["loc"]:
            sentences.append(f"{reason}.")
            continue
        field = str(fault["loc"][0])
        allowed = (
            get_args(Settings.model_fields[field].annotation) if fault["type"] == "literal_error" else ()
        )
        reason = f"must be one of {', '.join(map(str, allowed))}" if allowed else reason.lower()
        sentences.append(f"{found.get(field, field)}: {reason}.")
    return " ".join(sentences)


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return _MASK
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else str(value)
