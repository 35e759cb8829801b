"""From a file of rows to a recommendation, without a file written by hand."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.command import run_here


def test_rows_become_a_task_that_is_compared_on(tmp_path: Path) -> None:
    assert run_here("init", tmp_path, cwd=tmp_path).returncode == 0
    (tmp_path / "rows.csv").write_bytes((tmp_path / "tasks" / "example" / "messages.csv").read_bytes())
    unknown = run_here("compare", "--task", "tickets", "--data", "rows.csv", cwd=tmp_path)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "bench tasks new tickets --data rows.csv" in unknown.stderr
    made = run_here("tasks", "new", "tickets", "--data", "rows.csv", "--copy", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert 'column "topic" has 3 different values in 60 rows' in made.stdout
    assert run_here("tasks", "check", "tickets", cwd=tmp_path).returncode == 0
    chosen = ("--candidates", "hashing,baseline-majority", "--techniques", "knn", "--measure", "quality", "--offline", "--json")
    done = run_here("compare", "--task", "tickets", *chosen, cwd=tmp_path)
    assert done.returncode in {0, 1}, done.stderr
    document = json.loads(done.stdout)
    assert (document["task"], document["failed"]) == ("tickets", [])
    assert {row["candidate"] for row in document["ranking"]} >= {"hashing"}
