from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from harness.core.data import Dataset, Pair
from harness.core.task import Data, Task
from harness.errors import BenchError, Faults, TaskError
from harness.load.data import load_dataset

IMAGE = "image-classification"


def load(folder: Path, *, override: str | None = None, kind: str = "text-classification", seed: int = 0, **data: Any) -> Dataset:
    data.setdefault("train", "train.csv")
    return load_dataset(Task(name="t", kind=kind, data=Data(**data)), folder, override=override, seed=seed, offline=True)


def table(path: Path, rows: Any, header: Any = ("text", "label")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows] if header else rows)
    return path


def rows(number: int = 40, labels: Any = ("a", "b"), prefix: str = "message") -> list[tuple[str, str]]:
    return [(f"{prefix} {i} of many", labels[i % len(labels)]) for i in range(number)]


def pictures(folder: Path, number: int = 12, labels: Any = ("cat", "dog"), suffix: str = ".png") -> Path:
    generator = np.random.default_rng(0)
    for i in range(number):
        path = folder / labels[i % len(labels)] / f"{i:03}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (9, 7, 3), np.uint8)).save(path)
    return folder


def fault(*arguments: Any, **options: Any) -> BenchError:
    with pytest.raises(BenchError) as caught:
        load(*arguments, **options)
    assert caught.value.where
    assert caught.value.hint
    return caught.value


def test_rows_classes_ids_and_notes(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [*rows(), ("  ümlaut ", "b")])
    data = load(tmp_path)
    assert data.rows.classes == ("a", "b")
    assert data.rows.inputs[-1] == "  ümlaut "
    assert data.rows.labels[:3] == (0, 1, 0)
    assert all(len(i) == 16 for i in data.rows.ids)
    assert len(set(data.rows.ids)) == 41
    assert data.rows.groups == ()
    assert data.notes == ("columns inferred: text=text, label=label", "test rows: 20% drawn by class with seed 0")
    assert data.warnings == ()


def test_the_digest_is_of_everything_that_counts(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", rows())
    first = load(tmp_path)
    assert load(tmp_path).digest == first.digest
    assert load(tmp_path, seed=1).digest != first.digest
    table(tmp_path / "train.csv", [*rows()[:-1], ("other", "b")])
    assert load(tmp_path).digest != first.digest
    table(tmp_path / "train.csv", [(text, {"a": "x", "b": "y"}[label]) for text, label in rows()])
    assert load(tmp_path).digest != first.digest


def test_repeated_content_has_unique_ids_and_stays_together(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [*rows(), ("again", "a"), ("again", "a"), ("again", "b")])
    data = load(tmp_path)
    one, two, three = data.rows.ids[-3:]
    assert (two, three) == (f"{one}-2", f"{one}-3")
    sides = [{40, 41, 42} & set(part) for part in (data.split.test, *data.split.folds)]
    assert {40, 41, 42} in sides
    assert "1 contents occur with different labels" in data.warnings


def test_given_test_rows_follow_the_training_rows(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", rows())
    table(tmp_path / "test.csv", [*rows(5, prefix="new"), rows()[0]])
    data = load(tmp_path, test="test.csv")
    assert data.split.test == tuple(range(40, 46))
    assert any(w.startswith("1 of 6 test rows have the same content") for w in data.warnings)
    assert not any("drawn" in note for note in data.notes)


def test_number_labels_are_sorted_by_value(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"text": [f"t{i}" for i in range(60)], "label": [float(i % 12) for i in range(60)]}), tmp_path / "a.parquet"
    )
    assert load(tmp_path, train="a.parquet").rows.classes == tuple(map(str, range(12)))


def test_groups_stay_together(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [(*row, f"c{i // 4}") for i, row in enumerate(rows(80))], ("text", "label", "customer"))
    data = load(tmp_path, group="customer")
    assert len(set(data.rows.groups)) == 20
    tested = {data.rows.groups[i] for i in data.split.test}
    assert not tested & {data.rows.groups[i] for i in data.split.rest}


def test_a_row_without_group_is_a_group_of_its_own(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [(*row, "c" if i < 3 else "") for i, row in enumerate(rows(40))], ("text", "label", "customer"))
    assert len(set(load(tmp_path, group="customer").rows.groups)) == 38


def test_incomplete_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [*rows(), (" ", "a"), ("x", "")])
    data = load(tmp_path)
    assert len(data.rows) == 40
    [warning] = data.warnings
    assert warning.endswith("2 of 42 rows lack text or label; they are left out (line 42, 43)")


def test_many_incomplete_rows_are_a_fault(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [*rows(), *[("x", "")] * 20])
    error = fault(tmp_path)
    assert error.what == "20 of 60 rows lack text or label"
    assert error.where.endswith("line 42, 43, 44, 45, 46, …")


def test_what_makes_figures_less_trustworthy_is_said(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [*rows(400, ("a",)), *rows(6, ("b",), "other"), *rows(2, ("c",), "third")])
    said = "\n".join(load(tmp_path).warnings)
    assert 'fewer than 10 rows to learn from in 2 of 3 classes: "b", "c"' in said
    assert "very unequal" in said
    assert 'no test rows for "c"' in said


@pytest.mark.parametrize(
    ("content", "what", "hint"),
    [
        (rows(9, ("a",)), 'there is a single class, "a"', "at least two classes"),
        ([*rows(), ("x", "lonely")], 'class "lonely" has one row only', "add rows"),
        (
            [(f"t{i}", f"id{i}") for i in range(9)],
            '9 classes have ("id0", "id1", "id2", "id3", "id4" and 4 more) one row only',
            "label column",
        ),
    ],
)
def test_classes_that_cannot_be_learned(tmp_path: Path, content: Any, what: str, hint: str) -> None:
    table(tmp_path / "train.csv", content)
    error = fault(tmp_path, text="text", label="label")
    assert error.what == what
    assert hint in error.hint
    assert error.where.endswith("train.csv")


def test_faults_of_a_data_set_come_together(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [*rows(), ("x", "lonely")])
    table(tmp_path / "test.csv", [*rows(4, prefix="n"), ("y", "strange"), ("z", "odd")])
    error = fault(tmp_path, test="test.csv")
    assert isinstance(error, Faults)
    assert [f.what for f in error.faults] == [
        'class "lonely" has one row only',
        'the test rows have labels that training lacks: "odd", "strange"',
    ]


def test_faults_of_both_files_come_together(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [*rows(), *[("x", "")] * 20])
    table(tmp_path / "test.csv", rows(4), ("text", "klass"))
    error = fault(tmp_path, test="test.csv", text="text", label="label")
    assert isinstance(error, Faults)
    assert [f.what for f in error.faults] == ["20 of 60 rows lack text or label", 'there is no column "label"']


def test_a_class_in_one_group_is_placed(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [(*row, f"c{i % 2}") for i, row in enumerate(rows(40))], ("text", "label", "g"))
    error = fault(tmp_path, group="g")
    assert isinstance(error, Faults)
    assert error.faults[1].what == 'all rows of class "b" belong to one group'
    assert error.faults[1].where.endswith("train.csv")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("trian.csv", 'there is no file "trian.csv" in the task folder'),
        ("../train.csv", '"../train.csv" leaves the task folder'),
        ("/etc/hosts", '"/etc/hosts" leaves the task folder'),
        ("data.py:load", 'there is no file "data.py:load" in the task folder'),
        ("some/where/else", 'there is no file "some/where/else" in the task folder'),
    ],
)
def test_what_a_task_names_must_be_in_its_folder(tmp_path: Path, name: str, what: str) -> None:
    task = tmp_path / "task"
    table(task / "train.csv", rows())
    table(tmp_path / "train.csv", rows())
    error = fault(task, train=name)
    assert error.what == what
    assert ("train.csv" if name == "trian.csv" else "") in error.hint


def test_a_hub_data_set_without_network_leads_to_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    error = fault(tmp_path, train="nobody/no-such-data-set")
    assert 'the data set "nobody/no-such-data-set" cannot be fetched' in error.what
    assert "--data PATH" in error.hint


class TestOverride:
    def test_a_file_replaces_everything(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        table(tmp_path / "task" / "train.csv", rows())
        table(tmp_path / "task" / "test.csv", rows(8))
        table(tmp_path / "new.csv", rows(50, ("x", "y")), ("utterance", "category"))
        monkeypatch.chdir(tmp_path)
        data = load(tmp_path / "task", test="test.csv", text="text", label="label", override="new.csv")
        assert (len(data.rows), data.rows.classes, data.source) == (50, ("x", "y"), "new.csv")
        assert "columns inferred: text=utterance, label=category" in data.notes

    def test_a_folder_with_train_and_test(self, tmp_path: Path) -> None:
        table(tmp_path / "d" / "train.csv", rows())
        table(tmp_path / "d" / "test.csv", rows(8, prefix="n"))
        table(tmp_path / "d" / "dev.csv", rows(8, prefix="d"))
        data = load(tmp_path, override=str(tmp_path / "d"))
        assert len(data.split.test) == 8
        assert any("not used: dev.csv" in note for note in data.notes)

    def test_a_folder_of_parquet_shards(self, tmp_path: Path) -> None:
        for shard in range(2):
            part = pa.table({"text": [f"{shard} {i}" for i in range(20)], "label": [i % 2 for i in range(20)]})
            pq.write_table(part, tmp_path / f"train-{shard:05}-of-00002.parquet")
        assert len(load(tmp_path, override=str(tmp_path)).rows) == 40

    def test_a_folder_with_one_file(self, tmp_path: Path) -> None:
        table(tmp_path / "d" / "messages.tsv", [("Go there", "a")])
        (tmp_path / "d" / "messages.tsv").write_text("".join(f"{label}\t{text}\n" for text, label in rows()))
        data = load(tmp_path, override=str(tmp_path / "d"))
        assert (len(data.rows), data.rows.classes) == (40, ("a", "b"))
        assert "columns inferred: text=column 2, label=column 1" in data.notes

    @pytest.mark.parametrize("files", [[], ["a.csv", "b.csv"]])
    def test_a_folder_that_leaves_a_doubt(self, tmp_path: Path, files: Any) -> None:
        for name in files:
            table(tmp_path / "d" / name, rows())
        (tmp_path / "d").mkdir(exist_ok=True)
        assert "folder holds" in fault(tmp_path, override=str(tmp_path / "d")).what

    def test_a_missing_file(self, tmp_path: Path) -> None:
        table(tmp_path / "train.csv", rows())
        error = fault(tmp_path, override=str(tmp_path / "trian.csv"))
        assert (error.where, error.hint) == ("--data", 'did you mean "train.csv"?')

    def test_pictures_for_a_task_of_texts(self, tmp_path: Path) -> None:
        pictures(tmp_path / "p")
        assert "image-classification" in fault(tmp_path, override=str(tmp_path / "p")).hint


class TestFunction:
    def write(self, tmp_path: Path, body: str) -> Path:
        (tmp_path / "data.py").write_text("def load():\n    " + body)
        return tmp_path

    @pytest.mark.parametrize(
        "body",
        [
            "return {'text': [f't{i}' for i in range(30)], 'label': [i % 3 for i in range(30)]}",
            "return [{'text': f't{i}', 'label': i % 3} for i in range(30)]",
            "import pandas\n    return pandas.DataFrame({'text': [f't{i}' for i in range(30)], 'label': [0, 1, 2] * 10})",
            "import numpy as np\n    return {'text': np.array([f't{i}' for i in range(30)]), 'label': np.arange(30) % 3}",
        ],
    )
    def test_the_forms_of_a_table(self, tmp_path: Path, body: str) -> None:
        data = load(self.write(tmp_path, body), train="data.py:load")
        assert (len(data.rows), data.rows.classes, data.rows.inputs[0]) == (30, ("0", "1", "2"), "t0")

    def test_train_and_test(self, tmp_path: Path) -> None:
        body = (
            "rows = lambda n, p: [{'text': f'{p}{i}', 'label': 'ab'[i % 2]} for i in range(n)]\n"
            "    return {'train': rows(30, 't'), 'test': rows(6, 'u')}"
        )
        assert len(load(self.write(tmp_path, body), train="data.py:load").split.test) == 6

    @pytest.mark.parametrize(
        ("body", "what", "hint"),
        [
            ("return 1 / 0", "ZeroDivisionError: division by zero (line 2)", "correct"),
            ("import nothing_like_this", "ModuleNotFoundError: No module named 'nothing_like_this' (line 2)", "pip install"),
            ("return 3", "the function returns int", "dict of columns"),
            ("return {'text': ['a'], 'label': [1, 2]}", "the columns differ in length: text 1, label 2", "as many"),
            ("return []", "the function returns no rows", "dict"),
            ("return {'text': 'abc', 'label': [1]}", "a column is str, not a list", "dict"),
            ("return {'text': ['a', 'b'], 'label': [[1], [2]]}", "the label is list, not one class", "multi_label: true"),
            ("return {'text': [['a'], ['b']] * 9, 'label': [1, 2] * 9}", "the text is list", "name another column"),
        ],
    )
    def test_faults(self, tmp_path: Path, body: str, what: str, hint: str) -> None:
        error = fault(self.write(tmp_path, body), train="data.py:load")
        assert error.what == what
        assert hint in error.hint

    def test_a_function_that_is_not_there(self, tmp_path: Path) -> None:
        assert 'no function "other"' in fault(self.write(tmp_path, "return 1"), train="data.py:other").what


class TestPictures:
    def test_class_folders(self, tmp_path: Path) -> None:
        pictures(tmp_path / "p", suffix=".PNG")
        (tmp_path / "p" / "cat" / "notes.txt").write_text("not a picture")
        data = load(tmp_path, kind=IMAGE, train="p")
        assert (len(data.rows), data.rows.classes) == (12, ("cat", "dog"))
        assert all(Path(str(i)).is_absolute() and Path(str(i)).is_file() for i in data.rows.inputs)
        assert data.notes == ("test rows: 20% drawn by class with seed 0",)

    def test_train_and_test_folders(self, tmp_path: Path) -> None:
        pictures(tmp_path / "p" / "train", 20)
        pictures(tmp_path / "p" / "Test", 6)
        pictures(tmp_path / "p" / "val", 6)
        data = load(tmp_path, kind=IMAGE, override=str(tmp_path / "p"))
        assert (len(data.rows), len(data.split.test), data.rows.classes) == (26, 6, ("cat", "dog"))
        assert any("not used: val" in note for note in data.notes)

    def test_a_class_may_be_called_train(self, tmp_path: Path) -> None:
        pictures(tmp_path / "p", labels=("train", "bus"))
        assert load(tmp_path, kind=IMAGE, train="p").rows.classes == ("bus", "train")

    def test_the_same_bytes_have_the_same_id_as_file_and_as_value(self, tmp_path: Path) -> None:
        pictures(tmp_path / "p")
        (tmp_path / "data.py").write_text(
            "from pathlib import Path\ndef load():\n    files = sorted(Path(__file__).parent.glob('p/*/*'))\n"
            "    return {'image': [f.read_bytes() for f in files], 'label': [f.parent.name for f in files]}\n"
        )
        files, values = load(tmp_path, kind=IMAGE, train="p"), load(tmp_path, kind=IMAGE, train="data.py:load")
        assert files.rows.ids == values.rows.ids
        assert isinstance(values.rows.inputs[0], bytes)

    def test_a_table_of_paths(self, tmp_path: Path) -> None:
        pictures(tmp_path / "p")
        found = [(str(path.relative_to(tmp_path)), path.parent.name) for path in sorted((tmp_path / "p").rglob("*.png"))]
        table(tmp_path / "train.csv", found, ("file", "kind"))
        data = load(tmp_path, kind=IMAGE)
        assert len(data.rows) == 12
        assert "columns inferred: image=file, label=kind" in data.notes

    def test_a_table_of_paths_that_leave_the_folder(self, tmp_path: Path) -> None:
        pictures(tmp_path / "p")
        table(tmp_path / "t" / "train.csv", [("../p/cat/000.png", "cat")] * 4, ("image", "label"))
        assert "leaves the task folder" in fault(tmp_path / "t", kind=IMAGE).what

    def test_arrays_and_pil_images(self, tmp_path: Path) -> None:
        (tmp_path / "data.py").write_text(
            "import numpy as np\nfrom PIL import Image\ndef load():\n"
            "    arrays = [np.full((8, 8), i, np.uint8) for i in range(20)]\n"
            "    return {'image': arrays[:10] + [Image.fromarray(a) for a in arrays[10:]], 'label': [i % 2 for i in range(20)]}\n"
            "def stacked():\n    arrays = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)\n"
            "    return {'image': arrays, 'label': np.arange(20) % 2}\n"
        )
        assert len(set(load(tmp_path, kind=IMAGE, train="data.py:load").rows.ids)) == 20
        assert len(load(tmp_path, kind=IMAGE, train="data.py:stacked").rows) == 20

    def break_some(self, folder: Path, number: int) -> None:
        for path in sorted(folder.rglob("*.png"))[:number]:
            path.write_bytes(path.read_bytes()[:60])

    def test_broken_pictures_are_named_and_counted(self, tmp_path: Path) -> None:
        self.break_some(pictures(tmp_path / "p", 40), 7)
        error = fault(tmp_path, kind=IMAGE, train="p")
        assert error.what == "7 of 40 pictures are broken"
        assert error.where.count(".png (") == 5
        assert error.where.startswith("cat/000.png (")
        assert error.where.endswith(" and 2 more")
        assert "skip_broken: true" in error.hint

    def test_broken_pictures_are_skipped_if_the_task_says_so(self, tmp_path: Path) -> None:
        self.break_some(pictures(tmp_path / "p", 40), 1)
        data = load(tmp_path, kind=IMAGE, train="p", skip_broken=True)
        assert len(data.rows) == 39
        assert any(w.startswith("1 of 40 pictures are broken and left out: cat/000.png (") for w in data.warnings)

    @pytest.mark.parametrize("layout", ["empty", "flat"])
    def test_a_folder_without_class_folders(self, tmp_path: Path, layout: str) -> None:
        (tmp_path / "p").mkdir()
        if layout == "flat":
            Image.new("L", (3, 3)).save(tmp_path / "p" / "a.png")
        assert "no class folders" in fault(tmp_path, kind=IMAGE, train="p").what

    def test_digits_that_ship_with_bench(self) -> None:
        from harness.builtin import builtin_root

        folder = builtin_root() / "tasks" / "digits"
        data = load(folder, kind=IMAGE, train="data.py:load")
        assert (len(data.rows), data.rows.classes) == (1797, tuple("0123456789"))


def test_reading_texts_imports_no_heavy_library(tmp_path: Path) -> None:
    import subprocess

    table(tmp_path / "train.csv", rows())
    code = (
        "import sys; from pathlib import Path;"
        "from harness.core.task import Data, Task; from harness.load.data import load_dataset;"
        f"load_dataset(Task(name='t', kind='text-classification', data=Data(train='train.csv')), Path({str(tmp_path)!r}),"
        "override=None, seed=0, offline=True);"
        "sys.exit(str({'torch', 'pandas', 'datasets', 'PIL', 'sklearn', 'pyarrow', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"


def test_a_task_error_is_what_bad_data_raises(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", rows(9, ("a",)))
    with pytest.raises(TaskError):
        load(tmp_path)


def test_pairs_are_two_columns_of_texts(tmp_path: Path) -> None:
    made = [(f"question {i}", f"answer {i}", "yn"[i % 2]) for i in range(40)]
    table(tmp_path / "train.csv", [*made, ("only one", "", "y")], ("q", "a", "label"))
    data = load(tmp_path, text="q", text_pair="a", label="label")
    assert data.rows.inputs[0] == Pair("question 0", "answer 0")
    assert len(data.rows) == 40
    assert len(set(data.rows.ids)) == 40
    assert any("1 of 41 rows lack q or a or label" in warning for warning in data.warnings)
    assert data.phrases == ()


def test_the_order_of_a_pair_counts(tmp_path: Path) -> None:
    turned = [(a, b, label) for i in range(20) for a, b, label in ((f"x {i}", f"y {i}", "1"), (f"y {i}", f"x {i}", "2"))]
    table(tmp_path / "train.csv", turned, ("q", "a", "label"))
    assert len({ident.partition("-")[0] for ident in load(tmp_path, text="q", text_pair="a").rows.ids}) == 40


def test_a_pair_names_both_columns(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [("a", "b", "c")] * 9, ("q", "a", "label"))
    assert fault(tmp_path, text="q", text_pair="r").what == 'there is no column "r"'
    with pytest.raises(ValueError, match=r"data\.text must name the first"):
        load(tmp_path, text_pair="a")
    with pytest.raises(ValueError, match="is for texts"):
        load(tmp_path, kind=IMAGE, image="q", text_pair="a")
