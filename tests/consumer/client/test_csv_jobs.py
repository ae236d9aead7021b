"""A table of jobs says the same as the manifests it stands for, or which cells are wrong."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.client.csv_jobs import InvalidTable, read_table
from consumer.client.submission import Submission, SubmittedFiles, check
from storage.records.manifest import Options

FILES = ("anna.jpg", "Bénédicte & co.png", "a,b;c.jpg", 'quo"te.png')
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "engine": st.sampled_from(["auto", "mesh", "inswapper"]),
        "many_faces": st.booleans(),
        "use_face_enhancer": st.sampled_from([True, False, "auto"]),
        "mouth_mask": st.booleans(),
        "swap_strength": st.sampled_from([0.0, 0.25, 1.0]),
        "pixel_boost": st.integers(0, 1024),
        "enhancer_strength": st.sampled_from([0.0, 0.75]),
        "color_correction": st.booleans(),
        "output_format": st.sampled_from(["jpeg", "png", "webp", "avif"]),
        "image_quality": st.integers(1, 100),
        "video_quality": st.integers(0, 51),
        "keep_fps": st.booleans(),
    },
)
FILE = st.sampled_from(FILES)
FACES = st.dictionaries(st.sampled_from(["face_0", "face_1", "face_7"]), FILE, min_size=1)
ROW = st.fixed_dictionaries({"target": FILE, "options": OPTIONS, "who": st.one_of(FILE, FACES)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jobs")
    for name in FILES:
        (folder / name).write_bytes(name.encode())
    return folder


def _read(folder: Path, text: str | bytes, **options: object) -> list[Submission]:
    table = folder / "jobs.csv"
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(table, options, SubmittedFiles())


def _manifest(row: dict[str, Any]) -> dict[str, Any]:
    who = row["who"]
    if isinstance(who, str):
        return {"process_type": "single-image", "source": who}
    return {"process_type": "multi-image", "face_mappings": who}


@given(
    rows=st.lists(ROW, min_size=1, max_size=5),
    delimiter=st.sampled_from(",;\t"),
    mark=st.sampled_from(["", "\ufeff"]),
    upper=st.booleans(),
    line=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=60, deadline=None)
def test_a_table_says_what_its_manifests_say(
    folder: Path,
    rows: list[dict[str, Any]],
    delimiter: str,
    mark: str,
    upper: bool,  # noqa: FBT001 - hypothesis gives it by name
    line: str,
) -> None:
    columns = ["source", "target", "face_0", "face_1", "face_7", *Options.model_fields]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line)
    writer.writerow([name.upper().replace("_", "-") if upper else name for name in columns])
    for row in rows:
        who = {"source": row["who"]} if isinstance(row["who"], str) else row["who"]
        cells = {**who, "target": row["target"], **row["options"]}
        writer.writerow([cells.get(name, "") for name in columns])
    files = SubmittedFiles()
    expected = []
    for row in rows:
        manifest = {**_manifest(row), "target": files.refer(row["target"], folder), "options": row["options"]}
        if "source" in manifest:
            manifest["source"] = files.refer(manifest["source"], folder)
        else:
            faces = manifest["face_mappings"]
            manifest["face_mappings"] = {face: files.refer(name, folder) for face, name in faces.items()}
        expected.append(check(row["target"], manifest))
    assert _read(folder, mark + text.getvalue()) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("source,target\nanna.jpg,ben.jpg\n", ["Row 2, column target: ben.jpg is not a file"]),
        ("source,target\nanna.jpg\n", ["Row 2", "`target` is missing"]),
        ("source,target\n\nanna.jpg,anna.jpg,anna.jpg\n", ["Row 3 has more cells"]),
        ("source,target,image_quality\nanna.jpg,anna.jpg,800\n", ["Row 2, column image_quality", "800"]),
        ("source,target,many_faces\nanna.jpg,anna.jpg,perhaps\n", ["Row 2, column many_faces", "perhaps"]),
        ("source,target,output_format\nanna.jpg,anna.jpg,bmp\n", ["Row 2, column output_format", "bmp"]),
        ("source,tarket\nanna.jpg,anna.jpg\n", ["Column 2: `tarket` is not known", "target"]),
        ("source,target,Source\nanna.jpg,anna.jpg,anna.jpg\n", ["Column 3: `source` is there twice"]),
        ("source,target,face_0\nanna.jpg,anna.jpg,anna.jpg\n", ["Row 2", "`source` does not go with"]),
        ("source,target\n,anna.jpg\n", ["Row 2", "needs `source`"]),
        ('source,target\n"anna.jpg,anna.jpg\n', ["not a CSV file"]),
        ("source,target\n", ["no jobs"]),
        ("", ["no jobs"]),
        ("source,target\nM\xfcller.jpg,anna.jpg\n".encode("latin-1"), ["not UTF-8"]),
    ],
)
def test_what_is_wrong_is_told_by_row_and_column(folder: Path, text: str | bytes, told: list[str]) -> None:
    with pytest.raises(InvalidTable) as caught:
        _read(folder, text)
    assert all(part in str(caught.value) for part in told), str(caught.value)


def test_every_wrong_row_is_told_up_to_a_bound(folder: Path) -> None:
    rows = "".join(f"anna.jpg,missing{number}.jpg\n" for number in range(30))
    with pytest.raises(InvalidTable) as caught:
        _read(folder, f"source,target\n{rows}")
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[0].startswith("Row 2")
    assert lines[-1] == "And 10 more."


def test_options_of_the_command_hold_where_a_row_does_not_say_otherwise(folder: Path) -> None:
    text = "source,target,output_format\nanna.jpg,anna.jpg,\nanna.jpg,anna.jpg,png\n"
    jobs = _read(folder, text, output_format="webp", many_faces=True)
    assert [job.document["options"]["output_format"] for job in jobs] == ["webp", "png"]
    assert all(job.document["options"]["many_faces"] for job in jobs)


def test_bucket_keys_links_and_detections_go_through_as_they_are(folder: Path) -> None:
    text = (
        "process_type,target,face_1,detection\n"
        "detect-faces,uploads/abc.jpg,,\n"
        ",https://example.org/a.jpg,anna.jpg,results/one/1.json\n"
    )
    detect, swap = _read(folder, text)
    assert detect.document == {"process_type": "detect-faces", "target": "uploads/abc.jpg"}
    assert swap.document["target"] == "https://example.org/a.jpg"
    assert swap.document["detection"] == "results/one/1.json"


def test_columns_that_a_spreadsheet_left_empty_do_not_matter(folder: Path) -> None:
    text = "source,target,,\nanna.jpg,anna.jpg,,\n"
    assert [job.document for job in _read(folder, text)] == [
        job.document for job in _read(folder, "source,target\nanna.jpg,anna.jpg\n")
    ]
    with pytest.raises(InvalidTable, match=r"Row 2 has a cell in a column without a name"):
        _read(folder, text.replace("anna.jpg,,\n", "anna.jpg,,yes\n"))
