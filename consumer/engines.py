"""Which swap engines this consumer has, and opening the one that is asked for."""

from typing import Any

from consumer.settings import Settings
from models.errors import ProviderUnavailable
from pipeline.engines.base import Engine
from pipeline.engines.mesh.engine import open_mesh_engine

ENGINES = ("mesh",)


def open_engine(settings: Settings) -> Engine[Any]:
    """Open the engine that the settings ask for; on the device's thread, as it is not thread-safe.

    Raises:
        ModelUnavailable: a model file is missing or was changed.
        ProviderUnavailable: it does not run on `settings.provider`.
    """
    if settings.provider != "cpu":
        raise ProviderUnavailable(
            f"The mesh engine runs on the CPU only, not on {settings.provider}; set SWAPDROP_PROVIDER=cpu."
        )
    return open_mesh_engine()
