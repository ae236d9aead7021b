"""How a job on a bucket ends without a result: it was shared out, or it was itself a part of another.

Both leave a kind of job as exceptions, since nothing is left to do for whoever called.
"""

from pipeline.errors import PipelineError


class SharedOut(Exception):
    """Parts of the job are jobs of their own now; it is given back, uncounted, until they are made."""


class PartMade(Exception):
    """The job is a part of another, and what it is to make lies with that one."""


class OtherFrames(PipelineError):
    """A part of the video was left to other machines: this one would make other frames than the rest has."""
