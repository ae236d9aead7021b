"""One file of the corpus, and how it may end."""

from dataclasses import dataclass

RESULT = "result"
CORRUPT = "media_corrupt"
UNSUPPORTED = "unsupported_media"
TOO_LARGE = "input_too_large"
ANY = frozenset((RESULT, CORRUPT, UNSUPPORTED, TOO_LARGE))


@dataclass(frozen=True, kw_only=True)
class Odd:
    """A file by a name for the report, and in what its job may end: RESULT, or an error's code.

    `size` is the (width, height) that a result has to have, where it is known.
    """

    name: str
    data: bytes
    ends: frozenset[str] = ANY
    size: tuple[int, int] | None = None


def sound(name: str, data: bytes, size: tuple[int, int]) -> Odd:
    """A file that has to be read."""
    return Odd(name=name, data=data, ends=frozenset((RESULT,)), size=size)


def refused(name: str, data: bytes, *codes: str) -> Odd:
    """A file that must not be read, for one of the reasons given."""
    return Odd(name=name, data=data, ends=frozenset(codes))
