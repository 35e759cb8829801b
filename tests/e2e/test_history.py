"""Two comparisons of one task, and what `bench history`, `bench diff` and `bench gate` make of what they left."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from harness.cli.init import make_workspace
from tests.e2e.command import run_here

CHEAP = ("--candidates", "baseline-majority,hashing", "--techniques", "knn,fit", "--measure", "quality")
HERE = ("--device", "cpu", "--offline", "--format", "json")


def test_a_second_run_on_fewer_rows_is_listed_compared_and_gated(tmp_path: Path) -> None:
    make_workspace(tmp_path)
    rows = tmp_path / "tasks" / "example" / "messages.csv"
    assert run_here("compare", "--task", "example", *CHEAP, *HERE, "--quiet", cwd=tmp_path).returncode == 0
    with rows.open(newline="") as stream:
        header, *lines = csv.reader(stream)
    with rows.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *reversed(lines[:-6])])
    assert run_here("compare", "--task", "example", *CHEAP, *HERE, "--quiet", cwd=tmp_path).returncode == 0

    past = json.loads(run_here("history", "example", "--json", cwd=tmp_path).stdout)["runs"]
    assert [row["state"] for row in past] == ["finished", "finished"]
    assert past[1]["changes"][0] == "rows or their division"
    first, second = (row["run"] for row in past)

    found = json.loads(run_here("diff", first, second, "--json", cwd=tmp_path).stdout)
    validation = found["shared"][0]
    assert 20 <= validation["shared"] <= validation["after"] < validation["before"]
    rows_of = {one["candidate"]: one["validation"]["rows"] for one in found["contenders"]}
    assert rows_of == dict.fromkeys(("hashing", "baseline-majority", "baseline-tfidf"), validation["shared"])
    assert found["standing"]["verdict"] == "holds"

    opened = run_here("gate", "example", "--candidate", "hashing", "--min-quality", "0.2", "--against", first, cwd=tmp_path)
    assert opened.returncode == 0, opened.stdout
    closed = run_here("gate", "example", "--min-quality", "1", cwd=tmp_path)
    assert (closed.returncode, closed.stderr) == (1, "")
    assert "its lower end does not reach the minimum of 1" in closed.stdout
