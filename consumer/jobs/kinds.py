"""The kinds of job that this service does: a further kind is a module of its own and a line here."""

from collections.abc import Mapping
from typing import Final

from consumer.jobs import detect_faces, swap_picture, swap_video
from consumer.jobs.context import JobKind

KINDS: Final[Mapping[str, JobKind]] = {
    "single-image": swap_picture.run,
    "multi-image": swap_picture.run,
    "single-video": swap_video.run,
    "multi-video": swap_video.run,
    "detect-faces": detect_faces.run,
}
"""What does a job, by its manifest's `process_type`."""
