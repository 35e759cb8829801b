"""The race against the exhaustive grid: every contender trained to its end, on three public data sets.

The grid is trained once, with a look at every share at which the race looks. The race is then held on the same run's folder, where
it finds each training done that it asks for: so its way is the one that it would go, and what it would train is counted.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pandas as pd
from claim import Claim

from harness.comparison import Comparison, compare
from harness.core.run import Settings
from harness.execute import budget
from harness.execute import race as execute_race
from harness.rank import survival

SHARED = Path(__file__).parents[2] / "shared"
CANDIDATES = ("minilm-l6-first3", "minilm-l6-first1")
TECHNIQUES = ("linear-probe", "full", "lora", "probe-then-finetune")


@dataclass(frozen=True, slots=True)
class Set:
    """So many rows of a table, the same number of each class, with the columns of texts and labels."""

    name: str
    file: str
    rows: int
    text: str
    label: str


# From 1,250 rows on, some 200 of them choose, and each contender is trained once.
SETS = (
    Set("sentiment", "data/sst2/train.csv", 1250, "text", "label"),
    Set("finance", "data/financial_phrasebank/sentences.csv", 1250, "text", "label"),
    Set("intents", "data/bitext_customer_support/train.csv", 1350, "utterance", "intent"),
)


def make_workspace(one: Set, folder: Path) -> None:
    """Write a task with some rows of a set."""
    task = folder / "tasks" / one.name
    task.mkdir(parents=True)
    table = pd.read_csv(SHARED / one.file)
    each = one.rows // table[one.label].nunique()
    table.groupby(one.label).sample(each, random_state=0).to_csv(task / "rows.csv", index=False)
    data = f"data: {{train: rows.csv, text: {one.text}, label: {one.label}}}"
    (task / "task.yaml").write_text(f"name: {one.name}\nkind: text-classification\n{data}\nmetric: accuracy\n")


def once() -> contextlib.AbstractContextManager[object]:
    """Train no finalist again with other seeds: neither the race nor the grid is about them."""
    return patch.object(execute_race, "_SEEDS", 1)


@contextlib.contextmanager
def nobody_leaves() -> Iterator[None]:
    """Let every contender run to its end."""
    with patch.object(budget, "survivors", lambda entrants: entrants), patch.object(survival, "LEAST_CHANCE", -1.0):
        yield


SETTINGS = Settings(
    candidates=CANDIDATES, techniques=TECHNIQUES, effort="thorough", measures=("quality",), device="cpu", offline=True
)


def epochs(found: Comparison) -> dict[tuple[object, ...], float]:
    """Return how many epochs each contender of a race was trained for."""
    taken: dict[tuple[object, ...], float] = {}
    for done in found.info.race.rounds if found.info.race else ():
        for runner in done.runners:
            name = (runner.candidate, runner.technique, *sorted(runner.recipe.items()))
            taken[name] = max(taken.get(name, 0.0), runner.epochs)
    return taken


def best(found: Comparison) -> float:
    """Return the best score of those that a race trained to the end."""
    last = found.info.race.rounds[-1].runners if found.info.race else ()
    return max(one.score for one in last if one.score is not None and one.epochs == one.of)


def hold(one: Set, workspace: Path) -> tuple[float, float]:
    """Return by how many points the race's best stays behind the grid's, and the share of the grid's steps that it takes."""
    with once(), nobody_leaves():
        grid = compare(one.name, SETTINGS, workspace=workspace, formats=("json",))
    shutil.rmtree(grid.folder / "checkpoints", ignore_errors=True)
    with once():
        race = compare(one.name, SETTINGS, workspace=workspace, resume=grid.info.run, formats=("json",))
    behind, share = 100 * (best(grid) - best(race)), sum(epochs(race).values()) / sum(epochs(grid).values())
    print(f"        {one.name}: {len(epochs(grid))} contenders, best {best(grid):.3f}; the race's {best(race):.3f} for {share:.0%}")
    return behind, share


def measure() -> list[Claim]:
    """Hold the race on every set."""
    claims = []
    for one in SETS:
        if not (SHARED / one.file).exists():
            print(f"        the race is not measured on {one.name}: {SHARED / one.file} is not here")
            continue
        with tempfile.TemporaryDirectory() as folder:
            make_workspace(one, Path(folder))
            behind, share = hold(one, Path(folder))
        claims.append(Claim(f"points that the race's best stays behind the grid's ({one.name})", behind, 1, at_least=False))
        claims.append(Claim(f"steps of the grid that the race takes ({one.name})", 100 * share, 25, at_least=False, unit=" %"))
    return claims
