"""Where traces go, as the settings say it."""

from contextlib import AbstractContextManager, nullcontext
from importlib import metadata
from importlib.util import find_spec

from consumer.config.extras import how_to_add
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.telemetry.tracing import NoTraces, Traces


def check_traces(settings: Settings) -> None:
    """Raise SettingsError where traces are asked for and the extra that sends them is missing."""
    if settings.traces == "otlp" and find_spec("opentelemetry") is None:
        raise SettingsError(f"SWAPDROP_TRACES: otlp needs the extra `otel`: {how_to_add('otel')}")


def open_tracing(settings: Settings, *, owner: str) -> AbstractContextManager[Traces]:
    """What takes the traces of the consumer that is called `owner`; nothing where they are off."""
    if settings.traces == "off":
        return nullcontext(NoTraces())
    from consumer.telemetry.otel import open_traces  # noqa: PLC0415 -- an extra that most run without, and slow to import

    return open_traces(version=metadata.version("swapdrop"), owner=owner)
