"""The settings as the environment gives them: the only place that reads it.

A variable that is set but empty counts as not set, so that `NAME=${NAME:-}` in a compose file means the
default.
"""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from pydantic import SecretStr, ValidationError

from consumer.config.group import SettingsError
from consumer.config.settings import Settings

_PREFIX = "SWAPDROP_"
_OURS = (_PREFIX, "R2_")
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

# What of theirs decides whether the bucket is reached.
_READ_BY_THE_SDK = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CA_BUNDLE",
)
_QUOTES = "\"'`"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# What a value must look like, where the pattern says it to programs only.
_FORMS: Mapping[str, str] = {
    "bucket": "must be a bucket's name: 3 or more letters, digits, dots, hyphens and underscores",
    "account_id": "must be the account's id as R2 shows it, letters and digits, with .eu or .fedramp behind "
    "it for a jurisdiction",
    "region": "must be the name of a region, such as auto or eu-central-1",
    "ray_address": "must be local, auto, or HOST:PORT of a cluster's head; ray:// addresses are not joined",
    "openvino_device": "must be OpenVINO's name of a device, such as GPU, GPU.1, NPU or CPU",
    "operator": "must be plain letters, digits and signs (ASCII)",
}

_RETIRED: Mapping[str, str] = {
    "SWAPDROP_JOB_TIMEOUT_S": "a job may take as long as its work moves; SWAPDROP_STALL_TIMEOUT_S says how "
    "long it may stand still.",
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One line of `swapdrop config`."""

    name: str
    #: What it and its neighbours are about, as a heading.
    group: str
    #: The variables it can be set by; the first that is set wins.
    variables: tuple[str, ...]
    value: str
    #: `default`, or the variable that the value came from.
    source: str
    description: str


def load_settings(
    environ: Mapping[str, str] | None = None, *, given: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings from the environment (`os.environ` if not given); `given` goes before it.

    Raises:
        SettingsError: an unknown `SWAPDROP_` or `R2_` variable, or a value that cannot be; says why.
    """
    environ = {**(os.environ if environ is None else environ), **(given or {})}
    known = {name: env_names(name) for name in Settings.model_fields}
    _refuse_unknown(environ, [name for names in known.values() for name in names])
    sources = {
        field: next((name for name in names if environ.get(name)), None) for field, names in known.items()
    }
    found = {field: name for field, name in sources.items() if name is not None}
    _refuse_slips(environ, [*found.values(), *(name for name in _READ_BY_THE_SDK if environ.get(name))])
    try:
        settings = Settings.model_validate({field: environ[name] for field, name in found.items()})
    except ValidationError as error:
        raise SettingsError(_explain(error, found)) from None
    settings.sources.update(found)
    return settings


def explain(settings: Settings) -> list[Setting]:
    """Every setting in force, group by group, secrets masked."""
    return [
        Setting(
            name=name,
            group=group.title,
            variables=env_names(name),
            value=_shown(getattr(settings, name)),
            source=settings.sources.get(name, "default"),
            description=field.description or "",
        )
        for group in Settings.groups()
        for name, field in group.model_fields.items()
    ]


def env_names(field: str) -> tuple[str, ...]:
    """The variables a setting is read from, in order of precedence."""
    return (f"{_PREFIX}{field.upper()}", *_OTHER_NAMES.get(field, ()))


def _refuse_unknown(environ: Mapping[str, str], known: list[str]) -> None:
    for name in sorted(environ):
        if name in _RETIRED:
            raise SettingsError(f"{name} is no setting any more: {_RETIRED[name]}")
        if name.startswith(_OURS) and name not in known:
            alike = [each for each in known if each.startswith(name.partition("_")[0])]
            close = difflib.get_close_matches(name, alike, n=1, cutoff=0)
            raise SettingsError(f"{name} is not a setting; did you mean {close[0]}?")


def _refuse_slips(environ: Mapping[str, str], names: Iterable[str]) -> None:
    """Refuse what comes with a value when it is copied, and what the SDK would stumble over far from here."""
    for name in names:
        value = environ[name]
        if value != value.strip():
            slip = "begins or ends with a space or a line break; remove it"
        elif len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES:
            slip = "stands in quotes, which count as part of it here; remove them"
        elif _CONTROL.search(value):
            slip = "has a line break or another control character in it; remove it"
        elif not _is_text(value):
            slip = "has bytes in it that are no text (UTF-8); write it anew"
        else:
            continue
        raise SettingsError(f"{name}: {slip}.")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate, which stands for a byte that could not be read
        return False
    return True


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
        if allowed:
            reason = f"must be one of {', '.join(map(str, allowed))}"
        elif fault["type"] == "string_pattern_mismatch":
            reason = _FORMS.get(field, reason)
        elif fault["type"] != "value_error":  # those are sentences of ours
            reason = reason.lower()
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
