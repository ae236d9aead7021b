"""What dropped files are for: unmistakable names are taken, all others are explained and never guessed at."""

import pytest

from storage.inbox.folders import explain, read_folder

TAKEN = {
    "as documented": ({"source.png": "source", "target.jpg": "target"}, False),
    "upper case": ({"SOURCE.PNG": "source", "Target.JPG": "target"}, False),
    "a browser's second copies": ({"source (1).png": "source", "target (2).jpg": "target"}, False),
    "a desktop's copies": ({"source - Copy.png": "source", "target copy 2.jpg": "target"}, False),
    "stray spaces": ({" source .png": "source", "target .jpg": "target"}, False),
    "no extension": ({"source": "source", "target": "target"}, False),
    "a hyphen": ({"face-0.jpg": "face_0", "target.png": "target"}, False),
    "a space": ({"Face 1.jpg": "face_1", "face 2.jpg": "face_2", "media (1).png": "target"}, False),
    "options": ({"source.png": "source", "target": "target", "Options (1).json": "options"}, False),
    "consent": ({"source.png": "source", "target": "target", "Consent.JSON": "consent"}, False),
    "the target is named": ({"me.png": "source", "target.jpg": "target"}, True),
    "the source is named": ({"source.png": "source", "party.jpg": "target"}, True),
    "the faces are named": ({"face-0.png": "face_0", "face_3.png": "face_3", "party.mp4": "target"}, True),
}


@pytest.mark.parametrize(("roles", "guessed"), TAKEN.values(), ids=TAKEN)
def test_unmistakable_names_are_taken(roles: dict[str, str], guessed: bool) -> None:  # noqa: FBT001 -- a case
    junk = ["Thumbs.db", ".DS_Store", "._target.jpg", "notes.txt"]
    folder = read_folder([*roles, *junk])
    assert (folder.roles, folder.complete, folder.guessed) == (roles, True, guessed)


@pytest.mark.parametrize(
    "files",
    [
        ["me.png", "party.jpg"],
        ["target.jpg", "me.png", "you.png"],
        ["target.jpg", "clip.mp4"],  # a video cannot be the source
        ["target.jpg"],
        ["source.png", "face_0.png"],
        ["my source.png", "the target.jpg"],
        ["source.pdf (1)", "target (1).doc"],
        ["resource.png", "targets.jpg"],
        [],
    ],
)
def test_whatever_could_be_meant_otherwise_is_not(files: list[str]) -> None:
    assert not read_folder(files).complete


def test_what_is_named_as_documented_comes_before_what_only_looks_so() -> None:
    """A folder that was a job before other spellings were taken is the same job still."""
    names = ["source.png", "target.png"]
    also = ["source (1).png", "target", "face-0.jpg", "holiday.jpg"]
    assert read_folder([*names, *also]).roles == {"source.png": "source", "target.png": "target"}


@pytest.mark.parametrize(
    ("place", "files", "said"),
    [
        (
            "own",
            ["me.png", "party.jpg"],
            ["`me.png`, `party.jpg`", "call the picture with the face to put in"],
        ),
        ("lonely", ["target.jpg"], ["`inbox/lonely/`", "add it as `source.jpg`"]),
        ("lonely", ["Source (1).jpg"], ["add it as `target.jpg`"]),
        (
            "2026",
            ["holiday/source.png", "holiday/target.jpg"],
            ["`holiday/source.png`", "directly into a folder"],
        ),
        ("", ["source.png", "job1.txt"], ["In the inbox itself", "`job1.txt`", "ends with `.json`"]),
        ("many", [f"{n}.png" for n in range(9)], ["`4.png` and 4 more"]),
        ("odd", ["a\tb\x1b[31m.png", "x" * 300], ["`a?b?[31m.png`", "…"]),
    ],
)
def test_people_are_told_what_is_there_and_what_is_missing(
    place: str, files: list[str], said: list[str]
) -> None:
    told = explain(place, [*files, "Thumbs.db"])
    assert all(part in told for part in said), told
    assert "Thumbs" not in told
