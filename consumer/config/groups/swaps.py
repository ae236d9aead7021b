"""How faces are swapped, and which swaps are not done."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from consumer.config.group import SettingsGroup


class SwapSettings(SettingsGroup):
    """What is done to faces, and what is refused."""

    title: ClassVar = "Swaps"

    paste: Literal["exact", "fast", "oval"] = Field(
        default="exact",
        description="how a swapped crop goes back: exact; fast, which differs at the edge of large faces; or "
        "oval, which leaves hair and background alone; mesh has no crop",
    )
    max_pixel_boost: int = Field(
        default=512,
        ge=0,
        le=1024,
        description="largest pixel_boost of a job, in pixels; 512 is up to 16 runs of inswapper a face",
    )
    occlusion: bool = Field(
        default=False, description="keep hands and hair before a face; needs an occluder's file"
    )
    min_face_px: float = Field(
        default=0,
        ge=0,
        le=10_000,
        description="faces of a target with a shorter side below this do not count, in pixels",
    )
    min_face_score: float = Field(
        default=0, ge=0, le=1, description="faces of a target found with less certainty do not count"
    )
    minors: Literal["off", "flag", "refuse"] = Field(
        default="flag",
        description="faces to put in or to replace that look like a minor's: off does not look, flag warns, "
        "refuse fails the job; a guess at looks, no proof of age",
    )
    content_filter: Literal["auto", "off", "flag", "block"] = Field(
        default="auto",
        description="what becomes of pictures and videos that seem to show nudity or sexual content: block "
        "fails the job, flag warns, off does not look; auto blocks where open-nsfw.onnx is, and else is off",
    )
    content_block_from: float = Field(
        default=0.8, gt=0, le=1, description="how sure the content filter must be to block, 0 to 1"
    )
    content_flag_from: float = Field(
        default=0.5, gt=0, le=1, description="how sure the content filter must be to warn, 0 to 1"
    )
    require_consent: bool = Field(
        default=False, description="do only swaps whose sender says that everybody shown agrees"
    )

    @model_validator(mode="after")
    def _flags_before_it_blocks(self) -> Self:
        if self.content_flag_from > self.content_block_from:
            raise ValueError("SWAPDROP_CONTENT_FLAG_FROM must not be more than SWAPDROP_CONTENT_BLOCK_FROM")
        return self
