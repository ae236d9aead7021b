"""All settings of the consumer; what each means, its unit, default and bounds stand in `groups`."""

from pydantic import PrivateAttr

from consumer.config.group import SettingsGroup
from consumer.config.groups.inbox import InboxSettings
from consumer.config.groups.inputs import InputSettings
from consumer.config.groups.marks import MarkSettings
from consumer.config.groups.models import ModelSettings
from consumer.config.groups.process import ProcessSettings
from consumer.config.groups.service import ServiceSettings
from consumer.config.groups.store import StoreSettings
from consumer.config.groups.swaps import SwapSettings
from consumer.config.groups.videos import VideoSettings


class Settings(
    StoreSettings,
    InboxSettings,
    ModelSettings,
    SwapSettings,
    InputSettings,
    VideoSettings,
    MarkSettings,
    ProcessSettings,
    ServiceSettings,
):
    """All settings; `Settings(bucket=…)` takes nothing from the environment, `load_settings` does."""

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def groups(cls) -> list[type[SettingsGroup]]:
        """What they are made of, in the order of `swapdrop config`."""
        return [base for base in cls.__bases__ if issubclass(base, SettingsGroup)]

    @property
    def sources(self) -> dict[str, str]:
        """The variable that each setting came from, of those that came from one."""
        return self._sources
