from __future__ import annotations

from pathlib import Path

import pytest

from harness import cli
from harness.core.task import Data, Task
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import TaskError
from harness.load.metric import check_metric
from harness.load.tasks import LoadedTask

ALLOWED = Trust(remote_code=True)


def with_metric(name: str) -> LoadedTask:
    task = Task(name="t", kind="text-classification", data=Data(train="x.csv"), metric=name)
    return LoadedTask(task, Path("t/task.yaml"), Path("t"), "user")


def test_the_own_metrics_need_no_leave() -> None:
    check_metric(with_metric("mcc"), CAUTIOUS)


@pytest.mark.parametrize("name", ["evaluate:brier_score", "evaluate:somebody/her-metric"])
def test_a_metric_of_the_hub_needs_leave(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_metric(with_metric(name), ALLOWED)
    with pytest.raises(TaskError, match="is Python code from the Hub") as caught:
        check_metric(with_metric(name), CAUTIOUS)
    assert caught.value.hint.endswith("or allow it with --allow-remote-code")
    assert caught.value.where == "t/task.yaml, key metric"


@pytest.mark.parametrize("name", ["./mine", "../mine", "/srv/mine", "~/mine", "mine", "mine.py", ".", "..", "a/../b", ""])
def test_a_metric_that_is_a_local_path_is_refused_whatever_is_allowed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine.py").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TaskError, match="is a local path"):
        check_metric(with_metric(f"evaluate:{name}"), ALLOWED)


def test_a_comparison_asks_before_anything_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tasks" / "t"
    folder.mkdir(parents=True)
    (folder / "rows.csv").write_text("text,label\n" + "".join(f"row {i},{'ab'[i % 2]}\n" for i in range(60)))
    text = "name: t\nkind: text-classification\nmetric: evaluate:brier_score\ndata: {train: rows.csv}\n"
    (folder / "task.yaml").write_text(text)
    assert cli.run(["compare", "--task", "t", "--candidates", "baseline-majority", "--workspace", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--allow-remote-code" in captured.err.splitlines()[2]
    assert not (tmp_path / "reports").exists()
