"""What the groups of settings have in common."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class SettingsError(ValueError):
    """The environment asks for something that cannot be; the message names the variable."""


class SettingsGroup(BaseModel):
    """Settings that belong together; each has a description, a unit where it needs one, and bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: What they are about, as a heading.
    title: ClassVar[str]
