"""A task's own function runs in another process: it can end, hang or crash that one only, and what it returns comes out whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from textwrap import dedent, indent

import numpy as np
import pytest
from PIL import Image

from harness.errors import BenchError, TaskError
from harness.load import data_function, hand_over
from harness.load.budget import Budget
from harness.load.data_function import call_function
from harness.load.table import Opaque, Source

EIGHT = "np.arange(64, dtype=np.uint8).reshape(8, 8)"


def call(folder: Path, body: str, head: str = "", *, offline: bool = False) -> Source:
    path = folder / "data.py"
    path.write_text(f"{head}\ndef load():\n{indent(dedent(body), '    ')}\n")
    return call_function(path, "load", Budget(), offline=offline)


def fault(folder: Path, body: str, head: str = "") -> BenchError:
    with pytest.raises(TaskError) as caught:
        call(folder, body, head)
    assert caught.value.hint
    return caught.value


def cells(folder: Path, *values: str) -> list[object]:
    """What comes out of a column with these values."""
    column = call(folder, f"import numpy as np\nreturn {{'x': [{', '.join(values)}]}}").train.columns["x"]
    return list(column)


def is_gone(pid: int) -> bool:
    due = time.monotonic() + 10
    while time.monotonic() < due:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("body", "what", "line"),
    [
        ("import os\nos._exit(0)", "the function ends its process, with exit status 0", ""),
        ("import os\nos._exit(7)", "the function ends its process, with exit status 7", ""),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "the function kills its process with SIGSEGV", ", line 4"),
        (
            "import os, signal\nos.kill(0, signal.SIGKILL)",
            "the function kills its process with SIGKILL; memory may have run out",
            "",
        ),
        ("import sys\nsys.exit(0)", "SystemExit: 0 (line 4)", ""),
        ("raise KeyError('no such row')", "KeyError: 'no such row' (line 3)", ""),
        ("import os\nos.closerange(3, 100)\nreturn [{'x': 1}]", "the function ends its process, with exit status 1", ""),
    ],
)
def test_what_ends_its_process_ends_nothing_else(tmp_path: Path, body: str, what: str, line: str) -> None:
    error = fault(tmp_path, body)
    assert error.what == what
    assert error.where == f"{tmp_path}/data.py, function load{line}"


def test_an_end_while_the_file_is_imported(tmp_path: Path) -> None:
    assert fault(tmp_path, "return []", "import os; os._exit(0)").what == "the function ends its process, with exit status 0"


@pytest.mark.parametrize(
    "body", ["while True:\n    pass", "import time\ntime.sleep(1000)", "import re\nre.match('(a+)+b', 'a' * 40)"]
)
def test_what_never_returns_is_ended_with_all_that_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    monkeypatch.setattr(data_function, "SECONDS", 2.0)
    mark = tmp_path / "pid"
    started = f"import subprocess\nopen({str(mark)!r}, 'w').write(str(subprocess.Popen(['sleep', '100']).pid))\n"
    error = fault(tmp_path, started + body)
    assert error.what == "the function takes longer than 2 s"
    assert error.where.partition("load, line ")[2] in {"5", "6"}
    assert "data.train" in error.hint
    assert is_gone(int(mark.read_text()))


def test_a_process_that_does_not_end_itself_in_time_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_function, "SECONDS", 2.0)
    monkeypatch.setattr(data_function, "_PATIENCE_S", 0.5)
    body = "import faulthandler, time\nfaulthandler.cancel_dump_traceback_later()\ntime.sleep(1000)"
    assert fault(tmp_path, body).what == "the function takes longer than 2 s"


ASKING = {
    "rows": "from harness.load.data_function import call_function; call_function(path, 'load')",
    "cards": "from harness.load.plugin_cards import read_cards; read_cards([path])",
}


@pytest.mark.parametrize("asked", ASKING)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_process_that_asked(tmp_path: Path, end: signal.Signals, asked: str) -> None:
    path, mark = tmp_path / "data.py", tmp_path / "pids"
    path.write_text(
        "import os, pathlib, subprocess, time\nother = subprocess.Popen(['sleep', '100'])\npart = pathlib.Path(__file__ + '.x')\n"
        f"part.write_text(f'{{os.getpid()}} {{other.pid}}')\npart.rename({str(mark)!r})\ntime.sleep(100)\n"
    )
    code = f"import pathlib; path = pathlib.Path({str(path)!r}); {ASKING[asked]}"
    asking = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    due = time.monotonic() + 60
    while not mark.exists():
        assert time.monotonic() < due
        time.sleep(0.05)
    asking.send_signal(end)
    assert asking.wait(30) != 0
    assert [pid for pid in mark.read_text().split() if not is_gone(int(pid))] == []


def test_what_it_prints_goes_to_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    call(tmp_path, "import os\nprint('one')\nos.system('echo two')\nreturn {'x': [1]}", "print('zero')")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert set(captured.err.split()) == {"zero", "one", "two"}


def test_it_may_know_a_password_and_that_there_is_to_be_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "open sesame")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    body = "import os\nreturn {'x': [os.environ['DB_PASSWORD'], os.environ.get('HF_HUB_OFFLINE'), os.getcwd()]}"
    assert call(tmp_path, body).train.columns["x"] == ["open sesame", None, str(Path.cwd())]
    assert call(tmp_path, body, offline=True).train.columns["x"][1] == "1"


def test_nothing_of_it_is_left_in_this_process(tmp_path: Path) -> None:
    before = set(sys.modules), dict(os.environ)
    call(tmp_path, "import os, wave\nos.environ['BENCH_MARK'] = '1'\nreturn {'x': [1]}")
    assert (set(sys.modules), dict(os.environ)) == before


def test_plain_values_come_out_as_they_are(tmp_path: Path) -> None:
    values = ["a", "", "ümlaut 🙂", "\ud800 half", "line\nbreak\0", 3, -(10**300), 0.1, float("inf"), True, None, b"\x00bytes"]
    found = cells(tmp_path, *map(ascii, values[:8]), "float('inf')", *map(ascii, values[9:]))
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]
    [nothing] = cells(tmp_path, "float('nan')")
    assert nothing != nothing  # noqa: PLR0124 - how tables write a missing value


def test_numbers_of_numpy_become_plain_ones(tmp_path: Path) -> None:
    found = cells(tmp_path, "np.int64(3)", "np.uint8(4)", "np.float32(0.5)", "np.bool_(True)", "np.str_('a')", "np.array(5)")
    assert found == [3, 4, 0.5, True, "a", 5]
    assert [type(value) for value in found] == [int, int, float, bool, str, int]


def test_what_pandas_writes_for_a_missing_value_is_missing(tmp_path: Path) -> None:
    body = (
        "import pandas as pd\nreturn pd.DataFrame({'x': pd.array([1, None], 'Int64'), 't': pd.to_datetime(['2024-01-02', None])})"
    )
    columns = call(tmp_path, body).train.columns
    assert columns["x"] == [1, None]
    assert columns["t"] == [Opaque("Timestamp", "2024-01-02 00:00:00"), None]


def test_lists_and_objects_come_out_as_they_are(tmp_path: Path) -> None:
    given = [["to", "ken"], [], [{"start": 0, "end": 2.5, "label": None}], {"text": ["a"], "label": [1]}, [["deep"] * 9] * 300]
    assert cells(tmp_path, *map(repr, given)) == given
    assert cells(tmp_path, "(1, 2)", "np.arange(3)", "np.array(['a', 'bc'])", "[np.int64(3), np.array([0.5])]", "{1: (2,)}") == [
        [1, 2], [0, 1, 2], ["a", "bc"], [3, [0.5]], {"1": [2]},
    ]  # fmt: skip
    long = "['word' * 10_000] * 20"
    assert cells(tmp_path, *[long] * 30) == [["word" * 10_000] * 20] * 30


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("[{1}]", "list", "[{1}]"),
        ("{'a': b'x'}", "dict", "{'a': b'x'}"),
        ("__import__('decimal').Decimal('1.50')", "Decimal", "1.50"),
        ("__import__('datetime').date(2024, 1, 2)", "date", "2024-01-02"),
        ("np.zeros((2, 3))", "an array of float64 with shape (2, 3)", ""),
        ("np.zeros((2, 2, 9), np.uint8)", "an array of uint8 with shape (2, 2, 9)", ""),
        ("np.datetime64('2024-01-02')", "datetime64", "2024-01-02"),
    ],
)
def test_what_no_task_can_use_comes_out_as_its_kind_and_text(tmp_path: Path, value: str, kind: str, text: str) -> None:
    assert cells(tmp_path, value) == [Opaque(kind, text)]


def test_a_long_text_of_such_a_value_still_tells_whether_two_are_the_same(tmp_path: Path) -> None:
    one, two, again = cells(tmp_path, "{*range(9999)}", "{*range(9998)}", "{*range(9999)}")
    assert (one == again, one == two) == (True, False)
    assert len(str(one)) < 100


def test_a_picture_comes_out_as_the_same_pixels(tmp_path: Path) -> None:
    image = f"__import__('PIL.Image').Image.fromarray({EIGHT})"
    file = tmp_path / "a.png"
    Image.new("L", (3, 3), 7).save(file)
    path, encoded = f"__import__('pathlib').Path({str(file)!r})", f"open({str(file)!r}, 'rb').read()"
    found = cells(tmp_path, EIGHT, image, f"{{'bytes': {encoded}, 'path': None}}", path, f"memoryview({encoded})")
    assert found[2:] == [file.read_bytes(), str(file), file.read_bytes()]
    for data in found[:2]:
        assert isinstance(data, bytes)
        assert np.array_equal(np.asarray(Image.open(BytesIO(data))), np.arange(64).reshape(8, 8))


def test_a_picture_that_cannot_come_out_is_named(tmp_path: Path) -> None:
    error = fault(tmp_path, "from PIL import Image\nreturn {'image': [Image.new('CMYK', (2, 3))]}")
    assert error.what == "a picture of kind CMYK and size 2 × 3 cannot be kept"
    assert error.where.endswith("function load, column image")


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("class X:\n    def __str__(self): raise ValueError('no text')\nreturn {'x': [X()]}", "ValueError: no text (line 4)"),
        ("return {'x': (1 / (2 - i) for i in range(9))}", "ZeroDivisionError: division by zero (line 3)"),
        ("return {'x': ['a' * 1_000_001]}", "there is a text of 1,000,001 characters; the limit is 1,000,000"),
        ("return {'x': [10 ** 5000]}", "there is a whole number of 16,610 bits; the limit is 400 digits"),
        ("return {str(i): [i] for i in range(10_001)}", "there are 10,001 columns; the limit is 10,000"),
        ("return {'x': bytes(5_000_001)}", "a column is bytes, not a list"),
    ],
)
def test_what_a_function_returns_is_bounded_and_may_be_code(tmp_path: Path, body: str, what: str) -> None:
    assert fault(tmp_path, body).what == what


def test_too_many_rows_are_refused_before_they_are_written(tmp_path: Path) -> None:
    error = fault(tmp_path, "return {'x': [None] * 5_000_001}")
    assert error.what == "there are at least 5,000,001 rows; the limit is 5,000,000"


def test_a_hand_over_beyond_the_limit_is_refused_and_takes_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides count: the one that writes, and the one that reads what another one may have written."""
    monkeypatch.setattr(hand_over, "MAX_BYTES", 10_000)
    path = tmp_path / "out"
    with path.open("w+b") as stream:
        table = call(tmp_path, "return {'x': [str(i) * 9 for i in range(1000)]}").train
        with pytest.raises(TaskError, match="the rows take over 10,000 bytes, the limit, when they are written down") as caught:
            hand_over.write_tables(stream.fileno(), [table], Budget())
        assert path.stat().st_size < 10_000
        hand_over.write_error(stream.fileno(), caught.value)
        stream.seek(0)
        with pytest.raises(TaskError, match="the rows take over 10,000 bytes"):
            hand_over.read_tables(stream, tmp_path, Budget())


def test_the_rows_of_all_files_share_one_budget(tmp_path: Path) -> None:
    budget = Budget()
    budget.add_rows(4_999_999, "elsewhere")
    (tmp_path / "data.py").write_text("def load():\n    return {'x': ['a', 'b']}\n")
    with pytest.raises(TaskError, match="there are at least 5,000,001 rows"):
        call_function(tmp_path / "data.py", "load", budget)


def test_a_disk_that_is_full_is_said(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no such device here")
    table = call(tmp_path, "return {'x': ['a']}").train
    with full.open("wb", buffering=0) as stream, pytest.raises(TaskError, match="No space left on device") as caught:
        hand_over.write_tables(stream.fileno(), [table], Budget())
    assert "TMPDIR" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[",
        b"[]\n",
        b"{}\n",
        b"3\n",
        b'["tables"]\n',
        b'["tables",[]]\n["end"]\n',
        b'["tables",[["o",1,["x"]]]]\n',
        b'["tables",[["o",1,["x"]]]]\n["a"]\n',
        b'["tables",[["o",1,["x"]]]]\n["a","b"]\n["end"]\n',
        b'["tables",[["o",-1,["x"]]]]\n["end"]\n',
        b'["tables",[["o",1e999,["x"]]]]\n["a"]\n["end"]\n',
        b'["tables",[["o",1,["x"]]]]\n[["bytes",9]]\nabc["end"]\n',
        b'["tables",[["o",1,["x"]]]]\n[["bytes",-1]]\nabc\n["end"]\n',
        b'["tables",[["o",1,["x"]]]]\n[["bytes",1e18]]\nabc\n["end"]\n',
        b'["tables",[["o",1,["x"]]]]\n[["pickle","abc"]]\n["end"]\n',
        b'["tables",[["o",1,["x"]]]]\n[["opaque"]]\n["end"]\n',
        b'["tables",[["o",1,["x"]]]]\n[{"a":1}]\n["end"]\n',
        b'["tables",[["o",1,["x"]]]]\n' + b"[" * 100_000 + b"]" * 100_000 + b'\n["end"]\n',
        b'["error","only one"]\n',
        b"\xff\xfe\n",
    ],
)
def test_what_is_no_hand_over_is_damaged(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(hand_over.Damaged):
        hand_over.read_tables(BytesIO(content), tmp_path, Budget())


def test_a_hundred_thousand_rows_take_little_more_than_themselves(tmp_path: Path) -> None:
    found = call(tmp_path, "return {'text': [f'row number {i}' for i in range(100_000)], 'label': [i % 7 for i in range(100_000)]}")
    assert len(found.train) == 100_000
    assert found.train.columns["text"][-1] == "row number 99999"
    assert found.train.columns["label"][-1] == 99_999 % 7
