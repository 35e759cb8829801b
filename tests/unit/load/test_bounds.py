"""Each limit is told with its number, before the memory is full."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from harness.core.data import Dataset
from harness.core.task import Data, Task
from harness.errors import BenchError, TaskError
from harness.load import budget, picture
from harness.load.data import load_dataset
from harness.load.picture import encode, find_problem, read_picture
from harness.load.table_file import read_table
from harness.models.pictures import decode


def told(path: Path, content: bytes | str | None = None) -> str:
    """Return the error's text, once it is sure that it has three lines."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BenchError) as caught:
        read_table(path)
    text = str(caught.value)
    assert [line[:7] for line in text.split("\n")[1:]] == ["where: ", "do:    "]
    return text


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.csv", "text,label\n" + "a" * 1_000_001 + ",x\n", "a field of the row has more than 1,000,000 characters"),
        ("a.csv", 'text,label\na,x\n"' + "b,y\n" * 300_000, "a field of the row has more than 1,000,000 characters"),
        ("a.tsv", "text\tlabel\n" + "a" * 1_000_001 + "\tx\n", "a text of 1,000,001 characters; the limit is 1,000,000"),
        ("a.csv", ",".join("abc" for _ in range(10_001)), "there are 10,001 columns; the limit is 10,000"),
        ("a.csv", "," * 10_000_001, "a row has more than 10,000,000 characters"),
        ("a.csv", ('"' + "a" * 1000 + '\n",') * 10_000, "a row has more than 10,000,000 characters"),
        ("a.csv", "text,label\na\0,x\n", "there is a zero byte in the file"),
        ("a.csv", b"\x1f\x8b\x08\0\0", "the file is a gzip archive; archives are never unpacked"),
        ("a.csv.gz", b"\x1f\x8b\x08\0\0", '"a.csv.gz" is an archive; archives are never unpacked'),
        ("a.zip", b"PK\x03\x04", '"a.zip" is an archive; archives are never unpacked'),
        ("a.jsonl", '{"a": ' * 100_000, "nested too deep"),
        ("a.jsonl", '{"a": ' + "[" * 102 + "]" * 102 + "}", "lists and objects are more than 100 deep"),
        ("a.jsonl", '{"a": 1e400}', "the number 1e400 is too large"),
        ("a.jsonl", '{"a": -Infinity}', "-Infinity is not a number of JSON"),
        ("a.jsonl", '{"a": ' + "9" * 100_000 + "}", "a number has 100,000 digits; the limit is 400"),
        ("a.jsonl", '{"a": 1, "b": 2, "a": 3}', 'the key "a" is given twice'),
        ("a.jsonl", '{"a": "' + "b" * 1_000_001 + '"}', "a text of 1,000,001 characters; the limit is 1,000,000"),
        ("a.jsonl", '{"a": "' + "b" * 10_000_001 + '"}', "a row has more than 10,000,000 characters"),
        ("a.json", '[{"a": "' + "b" * 10_000_001, "a row has more than 10,000,000 characters"),
        ("a.jsonl", "{" + ",".join(f'"{i}": 0' for i in range(10_001)) + "}", "there are 10,001 columns; the limit is 10,000"),
        ("a.jsonl", "".join(f'{{"{i}": 0}}\n' for i in range(10_001)), "there are 10,001 columns; the limit is 10,000"),
        ("a.json", '[{"a": 1},\n{"a": 2}\n{"a": 3}]', "expected a comma or the end of the array"),
        ("a.json", '[{"a": 1}] []', "something follows the array"),
        ("a.json", '[{"a": 1}', "the array is not closed"),
    ],
)  # fmt: skip
def test_text_files(tmp_path: Path, name: str, content: Any, what: str) -> None:
    assert what in told(tmp_path / name, content)


def test_where_an_unclosed_quote_swallows_the_file_its_row_is_named(tmp_path: Path) -> None:
    text = told(tmp_path / "a.csv", 'text,label\na,x\n"' + "b,y\n" * 300_000)
    assert "line 3" in text
    assert "never closed" in text


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json"])
def test_rows_and_bytes_are_counted_over_all_files(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / name, 60)
    assert len(read_table(tmp_path / name)) == 60
    monkeypatch.setattr(budget, "MAX_ROWS", 50)
    assert "rows; the limit is 50" in told(tmp_path / name)
    monkeypatch.setattr(budget, "MAX_ROWS", 100)
    monkeypatch.setattr(budget, "MAX_BYTES", 2000)
    assert "once they are read; the limit is 2,000" in told(tmp_path / name)
    monkeypatch.undo()
    monkeypatch.setattr(budget, "MAX_ROWS", 100)
    os.link(tmp_path / name, tmp_path / name.replace("a", "train-1", 1))
    os.link(tmp_path / name, tmp_path / name.replace("a", "train-2", 1))
    with pytest.raises(TaskError, match="rows; the limit is 100"):
        load(tmp_path, train=".")


def test_a_file_that_is_too_large_is_not_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(3_000_000_000)  # no disk is taken
        assert "the file has 3,000,000,000 bytes; the limit is 2,000,000,000" in told(tmp_path / name)


def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    (tmp_path / "b.jsonl").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "c.png")
    assert "it is a pipe, socket or device" in told(tmp_path / "a.csv")
    assert "it is a pipe, socket or device" in told(tmp_path / "b.jsonl")
    assert read_picture("c.png", tmp_path, None).problem == "not a plain file"


def test_a_long_array_in_one_line_is_read_piece_by_piece(tmp_path: Path) -> None:
    rows = [{"text": f"é{i}" * 40, "label": [i]} for i in range(3000)]
    (tmp_path / "a.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    table = read_table(tmp_path / "a.json")
    assert table.columns == {"text": [row["text"] for row in rows], "label": [row["label"] for row in rows]}
    assert table.place(2).endswith("a.json, row 3")


def parquet(path: Path, columns: Any, **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_parquet_is_judged_by_its_head_and_again_by_what_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repeated = pa.DictionaryArray.from_arrays(pa.array(np.zeros(50_000, np.int32)), ["x" * 900_000])
    path = parquet(tmp_path / "a.parquet", {"text": repeated})
    assert path.stat().st_size < 200_000
    assert "once they are read; the limit is 2,000,000,000" in told(path)
    packed = parquet(
        tmp_path / "b.parquet", {"text": ["a" * 900_000 + str(i) for i in range(20)]}, compression="zstd", use_dictionary=False
    )
    assert packed.stat().st_size < 50_000
    assert len(read_table(packed)) == 20
    monkeypatch.setattr(budget, "MAX_BYTES", 5_000_000)
    assert "once they are read; the limit is 5,000,000" in told(packed)
    monkeypatch.setattr(budget, "MAX_ROWS", 19)
    assert "at least 20 rows; the limit is 19" in told(packed)
    monkeypatch.setattr(budget, "MAX_COLUMNS", 1)
    assert "there are 2 columns; the limit is 1" in told(parquet(tmp_path / "c.parquet", {"a": [1], "b": [1]}))


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"text": ["é" * 1_000_001]}, "there is a value of 1,000,001 characters; the limit is 1,000,000"),
        ({"text": pa.array([b"\xff"]).cast(pa.string(), safe=False)}, "not a readable parquet file"),
        ({"text": pa.array([], pa.string())}, "the file holds no rows"),
    ],
)
def test_parquet_columns(tmp_path: Path, columns: Any, what: str) -> None:
    assert what in told(parquet(tmp_path / "a.parquet", columns))


def test_a_deeply_nested_parquet_schema(tmp_path: Path) -> None:
    kind = pa.int32()
    for _ in range(150):
        kind = pa.struct([("a", kind)])
    assert "too deeply nested" in told(parquet(tmp_path / "a.parquet", {"x": pa.nulls(1, kind)}))


def test_lists_in_parquet_are_read_and_deeper_ones_passed_over_and_named_where_they_are_wanted(tmp_path: Path) -> None:
    choices = [{"text": ["a", "b"], "label": [0, 1]}, None] * 20
    rows = {"text": [f"t{i}" for i in range(40)], "label": ["a", "b"] * 20, "tags": [["x", "é"], []] * 20, "deep": [[["x"]]] * 40}
    path = parquet(tmp_path / "train.parquet", rows | {"choices": choices})
    assert len(load(tmp_path, train="train.parquet").rows) == 40
    table = read_table(path)
    assert (table.columns["tags"][:2], table.columns["choices"], table.nested) == ([["x", "é"], []], choices, ("deep",))
    with pytest.raises(TaskError, match='the column "deep" holds lists') as caught:
        load(tmp_path, train="train.parquet", label="deep")
    assert "known: choices, label, tags, text" in caught.value.hint


def test_lists_in_parquet_are_counted_before_they_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repeated = pa.DictionaryArray.from_arrays(pa.array(np.zeros(50_000, np.int32)), ["x" * 900_000])
    lists = pa.ListArray.from_arrays(pa.array([0, 25_000, 50_000], pa.int32()), repeated)
    assert "once they are read; the limit is 2,000,000,000" in told(parquet(tmp_path / "a.parquet", {"text": lists}))
    nothing = pa.ListArray.from_arrays(pa.array([0, 1_000_000], pa.int32()), pa.nulls(1_000_000, pa.null()))
    path = parquet(tmp_path / "b.parquet", {"text": nothing})
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(budget, "MAX_BYTES", 5_000_000)
    assert "take at least 8,000,000 bytes" in told(path)


def test_pictures_inside_parquet_and_dictionaries_of_numbers(tmp_path: Path) -> None:
    out = BytesIO()
    Image.new("RGB", (3, 3)).save(out, "PNG")
    cells = [{"bytes": out.getvalue(), "path": "a.png"}, {"bytes": None, "path": "b.png"}, None]
    numbers = pa.array([5, 5, None]).dictionary_encode()
    table = read_table(parquet(tmp_path / "a.parquet", {"image": cells, "number": numbers, "text": ["a", None, "a"]}))
    assert table.columns == {"image": cells, "number": [5, 5, None], "text": ["a", None, "a"]}


BOMBS = {
    "parquet": "import numpy as np, pyarrow as pa, pyarrow.parquet as pq\n"
    "text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1_000_000, np.int32)), ['x' * 999_000])\n"
    "pq.write_table(pa.table({'text': text}), path)",
    "csv": "file = open(path, 'w')\nfile.write('text,label\\na,x\\n\"')\nfile.seek(1_900_000_000)\nfile.write('x')\nfile.close()",
    "json": "file = open(path, 'wb')\nfile.write(b'[{\"a\":[' + b'[],' * 30_000_000)\nfile.close()",
}


@pytest.mark.parametrize(("suffix", "bomb"), BOMBS.items())
def test_a_bomb_takes_no_more_memory_than_a_limit_allows(tmp_path: Path, suffix: str, bomb: str) -> None:
    """1 TB of text in 50 kB; a quote that swallows 1.9 GB; an array of 30 million lists in one row."""
    path = tmp_path / f"bomb.{suffix}"
    code = f"""
import resource, sys
from pathlib import Path
path = {str(path)!r}
{bomb}
from harness.errors import BenchError
from harness.load.table_file import read_table
import pyarrow.compute, pyarrow.parquet
now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 1_000_000_000, now + 1_000_000_000))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_table(Path(path))
except BenchError as error:
    print(error)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    lines_ = done.stdout.splitlines()
    assert done.stderr == ""
    assert len(lines_) == 4
    assert lines_[1].startswith("where: ")
    assert lines_[2].startswith("do:    ")
    assert int(lines_[3]) < 400


def png(width: int, height: int) -> bytes:
    """A PNG whose head says this size, whatever follows."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def written(image: Image.Image, form: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("width", "height"), [(10_000, 9_000), (40_000, 40_000), (2**31 - 1, 2**31 - 1)])
def test_pictures_of_absurd_size_are_not_decoded(width: int, height: int) -> None:
    problem = find_problem(png(width, height))
    assert problem.startswith(f"{width * height:,} pixels")
    assert "the limit is 89,478,485" in problem


def test_a_worker_refuses_them_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.models import pictures

    monkeypatch.setattr(pictures, "MAX_PIXELS", 100)
    with pytest.raises(TaskError, match="the limit is 100 in all"):
        decode(written(Image.new("L", (20, 20)), "PNG"))


def test_a_picture_file_that_is_too_large_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MAX_PICTURE_BYTES", 1000)
    (tmp_path / "a.png").write_bytes(written(Image.effect_noise((90, 90), 50), "PNG"))
    assert read_picture("a.png", tmp_path, tmp_path).problem == "over 1,000 bytes, the limit; store it smaller"


def test_only_the_formats_that_are_named_are_opened() -> None:
    """Pillow runs a program of the system for some others."""
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    assert find_problem(postscript) == "not a picture"
    with pytest.raises(OSError, match="cannot identify"):
        decode(postscript)


def test_a_png_whose_pixels_are_cut_off_inside_sound_checksums() -> None:
    assert find_problem(png(400, 400))


def test_text_in_a_picture_that_unpacks_without_end() -> None:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "a" * 3_000_000, zip=True)
    assert "too large" in find_problem(written(Image.new("L", (3, 3)), "PNG", pnginfo=info))


def test_sixteen_bits_become_the_upper_eight() -> None:
    values = np.array([[0, 256, 40_000, 65_535]], np.uint16)
    for form in ("PNG", "TIFF"):
        data = written(Image.fromarray(values), form)
        assert find_problem(data) == ""
        assert np.asarray(decode(data))[0, :, 0].tolist() == [0, 1, 156, 255]


def test_pixels_of_unknown_range_are_a_problem() -> None:
    assert "32-bit numbers" in find_problem(written(Image.fromarray(np.ones((3, 3), np.float32)), "TIFF"))


def test_of_several_frames_the_first_counts() -> None:
    frames = [Image.new("L", (4, 4), shade) for shade in (10, 200)]
    for form in ("GIF", "TIFF", "WEBP", "PNG"):
        data = written(frames[0], form, save_all=True, append_images=frames[1:])
        assert find_problem(data) == ""
        assert abs(int(np.asarray(decode(data))[0, 0, 0]) - 10) < 3


@pytest.mark.parametrize(
    "value",
    [
        np.zeros((0, 4), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        Image.new("F", (2, 2)),
        Image.new("LAB", (2, 2)),
        Image.new("L", (0, 0)),
    ],
)
def test_pictures_that_cannot_be_kept(value: Any) -> None:
    with pytest.raises(TaskError, match="a picture"):
        encode(value)


def write(path: Path, number: int) -> None:
    rows = [{"text": f"message {i}", "label": "ab"[i % 2]} for i in range(number)]
    if path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        mark = "," if path.suffix == ".csv" else "\t"
        path.write_text("".join(mark.join(row.values()) + "\n" for row in [{"text": "text", "label": "label"}, *rows]))


def load(folder: Path, *, kind: str = "text-classification", **data: Any) -> Dataset:
    return load_dataset(Task(name="t", kind=kind, data=Data(**data)), folder, override=None, seed=0, offline=True)
