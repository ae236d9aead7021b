"""How large inputs may be, and how long they may take to come."""

from typing import ClassVar

from pydantic import Field

from consumer.config.group import SettingsGroup


class InputSettings(SettingsGroup):
    """The bounds of pictures, animations and videos."""

    title: ClassVar = "Inputs"

    max_input_bytes: int = Field(
        default=50_000_000, ge=1024, le=2_000_000_000, description="largest input file that is no video"
    )
    max_pixels: int = Field(
        default=64_000_000, ge=4096, le=1_000_000_000, description="largest picture, width x height"
    )
    max_frames: int = Field(default=1000, ge=2, le=100_000, description="longest animation, in frames")
    max_animation_pixels: int = Field(
        default=256_000_000,
        ge=4096,
        le=10_000_000_000,
        description="largest animation, width x height x frames",
    )
    max_video_bytes: int = Field(
        default=2_000_000_000, ge=1024, le=1_000_000_000_000, description="largest video file"
    )
    max_video_pixels: int = Field(
        default=7680 * 4320, ge=4096, le=1_000_000_000, description="largest frame of a video, width x height"
    )
    max_video_frames: int = Field(
        default=4 * 3600 * 60, ge=1, le=100_000_000, description="longest video, in frames"
    )
    max_video_seconds: float = Field(
        default=4 * 3600, gt=0, le=1_000_000, description="longest video, in seconds"
    )
    input_timeout_s: float = Field(
        default=120,
        gt=0,
        le=3600,
        description="an input is given up when no more of it has come for this long",
    )
    missing_grace_s: float = Field(
        default=60, ge=0, le=600, description="how long an input that is not there yet is waited for"
    )
