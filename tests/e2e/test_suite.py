"""Several tasks in one comparison, by the installed command: one breaks on its way, and is taken up again."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.core.progress import Progress
from harness.core.run import Settings
from harness.suites import compare_suite
from tests.e2e.command import run_bench, run_here

# Its rows can be read by the check before the run, cannot be read when its turn comes, and can when it is taken up again.
FLAKY = """
from pathlib import Path

def load():
    times = Path(__file__).with_name("times")
    count = len(times.read_text()) if times.is_file() else 0
    times.write_text("x" * (count + 1))
    if count == 1:
        raise OSError("the share is not mounted")
    return {"text": [f"{word} number {n}" for n in range(30) for word in ("tea", "coffee")], "label": ["t", "c"] * 30}
"""
QUICK = ("--candidates", "baseline-majority", "--effort", "quick", "--measure", "quality", "--device", "cpu", "--offline")


def rows(words: dict[str, str], count: int = 60) -> str:
    labels = sorted(words)
    lines = [f"message {n} about {words[label]},{label}" for n in range(count) for label in labels]
    return "\n".join(["text,label", *lines]) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with three tiny tasks and a suite of them."""
    found = tmp_path_factory.mktemp("suite")
    texts = {"mail": {"late": "a parcel", "lost": "a letter"}, "calls": {"card": "a <b>card</b>", "login": "a password"}}
    for name, words in texts.items():
        (found / "tasks" / name).mkdir(parents=True)
        (found / "tasks" / name / "rows.csv").write_text(rows(words))
        (found / "tasks" / name / "task.yaml").write_text(
            f"name: {name}\nkind: text-classification\ndescription: '<i>{name}</i>'\ndata: {{train: rows.csv}}\n"
        )
    (found / "tasks" / "drinks").mkdir()
    (found / "tasks" / "drinks" / "data.py").write_text(FLAKY)
    (found / "tasks" / "drinks" / "task.yaml").write_text(
        "name: drinks\nkind: text-classification\ndata: {train: 'data.py:load'}\nmetric: accuracy\nmargin: 0.02\n"
    )
    for name in ("price", "size"):
        (found / "tasks" / name).mkdir()
        (found / "tasks" / name / "rows.csv").write_text("text,label\n" + "".join(f"item {n},{n * 1.5}\n" for n in range(60)))
        (found / "tasks" / name / "task.yaml").write_text(
            f"name: {name}\nkind: text-regression\ndata: {{train: rows.csv, text: text, label: label}}\n"
        )
    (found / "tasks" / "office").mkdir()
    (found / "tasks" / "office" / "suite.yaml").write_text(
        "name: office\ndescription: 'What <script>people</script> ask.'\ntasks: [mail, {task: drinks, weight: 3}]\n"
    )
    return found


@pytest.fixture(scope="module")
def first(folder: Path) -> dict[str, Any]:
    """What the first run printed: one task breaks."""
    done = run_bench("compare", "--task", "office", *QUICK, "--json", cwd=folder)
    assert done.returncode == 1, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"stderr": done.stderr}


@pytest.fixture(scope="module")
def second(folder: Path, first: dict[str, Any]) -> dict[str, Any]:
    """What it printed when it was taken up again."""
    done = run_here("compare", "--task", "office", "--resume", first["run"], "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"stderr": done.stderr}


def test_a_task_that_breaks_on_its_way_costs_only_itself(first: dict[str, Any]) -> None:
    assert first["schema"] == "bench.suite/1"
    assert [task["task"] for task in first["tasks"]] == ["mail"]
    (missing,) = first["missing"]
    assert missing["task"] == "drinks"
    assert "the share is not mounted" in missing["reason"]
    (group,) = first["groups"]
    assert (group["modality"], group["unit"], group["recommendation"]["candidate"]) == ("text", "macro_f1", "baseline-tfidf")
    for row in group["ranking"]:
        assert row["regret"]["low"] <= row["regret"]["score"] <= row["regret"]["high"]
        assert 1 <= row["place"]["score"] <= 2
    assert "task 2 of 2: drinks" in first["stderr"]


def test_each_task_has_a_run_of_its_own_that_gives_the_same_figures(folder: Path, first: dict[str, Any]) -> None:
    (group,) = first["groups"]
    for task in first["tasks"]:
        report = json.loads((folder / "reports" / task["task"] / task["run"] / "report.json").read_text())
        scores = {row["candidate"]: row["validation"]["score"] for group in report["table"]["groups"] for row in group["rows"]}
        assert scores == {
            row["candidate"]: score["validation"]["score"]
            for row in group["ranking"] for score in row["scores"] if score["task"] == task["task"]
        }  # fmt: skip


def test_resuming_takes_up_what_is_finished(folder: Path, first: dict[str, Any], second: dict[str, Any]) -> None:
    assert second["run"] == first["run"]
    assert second["missing"] == []
    before = {task["task"]: task["run"] for task in first["tasks"]}
    after = {task["task"]: task["run"] for task in second["tasks"]}
    assert before.items() < after.items()
    assert second["stderr"].count("2 of 2 trials are finished") == 1
    assert [(task["share"], task["scale"]) for task in second["tasks"]] == [(0.25, 0.01), (0.75, 0.02)]
    assert (second["groups"][0]["unit"], second["groups"][0]["margin"]) == ("margins", 1)
    head = json.loads((folder / "reports" / "office" / "latest" / "suite.json").read_text())
    assert (head["run"], len(head["resumed"]), [entry["error"] for entry in head["entries"]]) == (first["run"], 1, ["", ""])


def test_the_page_leads_to_the_reports_of_the_tasks_and_runs_nothing(folder: Path, second: dict[str, Any]) -> None:
    place = folder / "reports" / "office" / second["run"]
    page, text = (place / "report.html").read_text(), (place / "report.md").read_text()
    links = re.findall(r'href="([^"#]+)"', page)
    assert len(links) == 2
    assert all((place / link).resolve().is_file() for link in links)
    assert "<script" not in page
    assert "&lt;script&gt;people" in page
    assert "<i>" not in page
    for content in (page, text):
        assert "baseline-tfidf" in content
        assert "Mean regret" in content
    assert set(second["files"]) == {"html", "markdown", "json"}


def test_a_report_is_made_again_under_other_limits(
    folder: Path, second: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("report", second["run"], "--workspace", str(folder), "--json", "--out", str(tmp_path / "x y"))
    assert cli.run(asked) == 0
    again = json.loads(capsys.readouterr().out)
    assert {key: again[key] for key in ("tasks", "groups")} == {key: second[key] for key in ("tasks", "groups")}
    page = (tmp_path / "x y" / "report.html").read_text()
    assert all((tmp_path / "x y" / link).resolve().is_file() for link in re.findall(r'href="([^"#]+)"', page))
    assert cli.run([*asked, "--constraint", "license={deny: [Apache-2.0]}"]) == 1
    nothing = json.loads(capsys.readouterr().out)
    assert nothing["groups"][0]["recommendation"] is None
    assert {gap["state"] for row in nothing["groups"][0]["ranking"] for gap in row["gaps"]} == {"excluded"}
    assert cli.run(["report", "office", "--workspace", str(folder), "--quiet", "--format", "md"]) == 0
    assert cli.run(["finetune", "office", "--workspace", str(folder), "--out", str(tmp_path / "m")]) == 2
    assert '"office" is the run of a suite' in capsys.readouterr().err


def test_ctrl_c_before_the_second_task_keeps_the_first(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "tasks", tmp_path / "tasks")

    def stop(progress: Progress) -> None:
        if progress.text.startswith("task 2"):
            raise KeyboardInterrupt

    settings = Settings(candidates=("baseline-majority",), effort="quick", measures=("quality",), offline=True, device="cpu")
    found = compare_suite(["mail", "calls"], settings, workspace=tmp_path, observe=stop, formats=("md",))
    assert (found.interrupted, [part.info.task.name for part in found.parts]) == (True, ["mail"])
    assert [(lost.task, lost.reason) for lost in found.result.missing] == [("calls", "it was not reached")]
    assert found.choices["text"].candidate == "baseline-tfidf"
    assert list(found.ranking.candidate) == ["baseline-tfidf", "baseline-majority"]
    assert "could not be judged (calls)" in found.files["markdown"].read_text()
    with pytest.raises(KeyboardInterrupt):
        compare_suite(["calls", "mail"], settings, workspace=tmp_path, observe=lambda p: stop(Progress("message", text="task 2")))
    assert not (tmp_path / "reports" / "calls-and-mail").exists() or not list((tmp_path / "reports" / "calls-and-mail").iterdir())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--task", "office", "--data", "rows.csv"), '"rows.csv" does not say whose rows it replaces'),
        (("--task", "office", "--data", "male=rows.csv"), 'use "mail"'),
        (("--task", "mail", "--task", "mail"), 'the task "mail" is named twice'),
        (("--task", "offices"), 'use "office"'),
        (("--task", "mail", "--task", "calls", "--data", "calls=none.csv", "--data", "mail=no.csv"), "none.csv"),
        (("--task", "mail", "--task", "calls", "--budget", "2s"), "a budget of 2 s is too small for 2 tasks"),
        (("--task", "mail", "--task", "calls", "--techniques", "lorra"), 'unknown technique "lorra"'),
        (("--task", "mail", "--task", "drinks", "--constraint", "margin=0"), "has a margin of 0, and the tasks share no metric"),
        (("--task", "price", "--task", "size", "--constraint", "margin=0"), '"size" has a margin of 0'),
        (("--task", "mail", "--task", "calls", "--resume"), "there is no run of the suite"),
    ],
)
def test_bad_input_is_told_before_anything_runs(
    folder: Path, words: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = sorted((folder / "reports").rglob("*"))
    assert cli.run(["compare", *words, *QUICK, "--workspace", str(folder)]) == 2
    told = capsys.readouterr().err
    assert expected in told
    assert "where: " in told
    assert sorted((folder / "reports").rglob("*")) == there


def test_a_suite_is_listed_shown_and_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--workspace", str(folder))
    assert cli.run(["tasks", "list", *where]) == 0
    assert re.search(r"^office +suite +user +What", capsys.readouterr().out, re.MULTILINE)
    assert cli.run(["tasks", "show", "office", *where]) == 0
    assert "weight: 3.0" in capsys.readouterr().out
    assert cli.run(["tasks", "check", str(folder / "tasks" / "office"), "--json", *where]) in {0, 1}
    assert {found["subject"] for found in json.loads(capsys.readouterr().out)["findings"]} == {"mail", "drinks"}
    assert cli.run(["tasks", "check", "office", "--data", "x.csv", *where]) == 2
    capsys.readouterr()
    assert cli.run(["schema", "suite"]) == 0
    assert "weight" in json.loads(capsys.readouterr().out)["$defs"]["Member"]["properties"]
