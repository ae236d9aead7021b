"""Who makes the segments of videos."""

from typing import ClassVar, Final, Literal

from pydantic import Field

from consumer.config.group import SettingsGroup

LOCAL_RAY: Final = "local"


class VideoSettings(SettingsGroup):
    """Machines and processes that make videos."""

    title: ClassVar = "Videos"

    segment_timeout_s: float = Field(
        default=3600,
        gt=0,
        le=86_400,
        description="a segment of a video (about 10 s of it) that takes longer than this is given up",
    )
    executor: Literal["local", "bucket", "ray"] = Field(
        default="local",
        description="who makes the segments of videos: local, the consumer that has the job; bucket, all "
        "consumers of the bucket, as parts that lie in its inbox; ray, the machines of a Ray cluster",
    )
    ray_address: str = Field(
        default=LOCAL_RAY,
        pattern=r"^(local|auto|[^/\s]+:[0-9]{1,5})$",
        description="Ray cluster to join: HOST:PORT, or auto, the one that this machine belongs to; local "
        "starts one on this machine, which ends with us",
    )
    video_processes: int = Field(
        default=0,
        ge=0,
        le=256,
        description="processes that make segments of videos where the engine runs on the CPU; 0: one a core "
        "that memory allows, 1: the consumer's own; with ray the most actors, 0: one a GPU or else a CPU of "
        "the cluster",
    )
