"""What can go wrong with pixels, each with the contract's code and a sentence for the job's sender."""

from models.errors import ModelError


class PipelineError(ModelError):
    """The picture could not be processed."""


class InputError(PipelineError):
    """The picture cannot be used as it is; sending the same again will not help."""

    code = "media_corrupt"
    kind = "input"


class UnsupportedMedia(InputError):
    """The file is not a picture format this service reads."""

    code = "unsupported_media"


class MediaCorrupt(InputError):
    """The file is damaged or incomplete and was not decoded."""

    code = "media_corrupt"


class MediaTooLarge(InputError):
    """The picture is larger than this service accepts."""

    code = "input_too_large"


class NoFaceInSource(InputError):
    """No usable face was found in the source picture; send a sharp, frontal one."""

    code = "no_face_in_source"


class NoFaceInTarget(InputError):
    """No face was found in the target picture; send one that shows the face larger and sharper."""

    code = "no_face_in_target"


class MinorRefused(InputError):
    """A face looks like a minor's; faces of minors are not swapped here."""

    code = "minor_refused"


class PersonProtected(InputError):
    """The face in the source picture is that of somebody who asked not to be put into pictures."""

    code = "person_protected"


class ContentRejected(InputError):
    """A picture or video seems to show nudity or sexual content, which is not worked on here."""

    code = "content_rejected"


class FaceNotFound(InputError):
    """The face that was asked for is not in the target picture."""

    code = "face_not_found"


class InvalidTrim(InputError):
    """No frame of the video lies within `trim`: it is not that long."""

    code = "invalid_manifest"


class OptionUnavailable(InputError):
    """An option asks for something this consumer has no model for."""

    code = "model_unavailable"


class EnhancerUnavailable(OptionUnavailable):
    """There is no face enhancer here; leave out `use_face_enhancer`."""

    @property
    def for_sender(self) -> str:
        """Without the file that is missing, which a sender cannot bring."""
        return (
            "Faces cannot be restored here. Leave out `use_face_enhancer`, or set it to `auto`, so that they "
            "are where that can be done."
        )


class OutputInvalid(PipelineError):
    """The engine produced an unusable picture."""

    code = "output_invalid"
