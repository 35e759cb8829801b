"""The race against the exhaustive grid: every contender trained to its end, on four public data sets. About an hour on a core.

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
from harness.core.trial import Finished
from harness.execute import budget
from harness.execute import race as execute_race
from harness.rank import survival

SHARED = Path(__file__).parents[2] / "shared"
CANDIDATES = ("minilm-l6-first1",)
TECHNIQUES = ("linear-probe", "full", "lora", "probe-then-finetune")


@dataclass(frozen=True, slots=True)
class Set:
    """A table, the columns of its texts and labels, and how many rows are learned from, each class by its share."""

    name: str
    file: str
    text: str
    label: str
    rows: int


# From 1,250 rows on some 200 of them choose, and each contender is trained once; 77 intents need more.
SETS = (
    Set("sentiment", "data/sst2/train.csv", "text", "label", 1250),
    Set("finance", "data/financial_phrasebank/sentences.csv", "text", "label", 1250),
    Set("intents", "data/bitext_customer_support/train.csv", "utterance", "intent", 1350),
    Set("banking", "data/banking77/train.csv", "text", "category", 3080),
)
_CONFIRMING = 2000


def make_workspace(one: Set, folder: Path) -> None:
    """Write a task with some rows of a set to learn from, and others, drawn likewise, to confirm."""
    task = folder / "tasks" / one.name
    task.mkdir(parents=True)
    table = pd.read_csv(SHARED / one.file).drop_duplicates(one.text)
    chosen = table.groupby(one.label).sample(frac=one.rows / len(table), random_state=0)
    others = table.drop(chosen.index)
    chosen.to_csv(task / "train.csv", index=False)
    others.sample(min(_CONFIRMING, len(others)), random_state=0).to_csv(task / "test.csv", index=False)
    data = f"data: {{train: train.csv, test: test.csv, text: {one.text}, label: {one.label}}}"
    (task / "task.yaml").write_text(f"name: {one.name}\nkind: text-classification\n{data}\nmetric: accuracy\n")


def once() -> contextlib.AbstractContextManager[object]:
    """Train no finalist again with other seeds: neither the race nor the grid is about them."""
    return patch.object(execute_race, "_SEEDS", 1)


@contextlib.contextmanager
def nobody_leaves() -> Iterator[None]:
    """Let every contender run to its end."""
    with patch.object(budget, "survivors", lambda entrants, *_: entrants), patch.object(survival, "LEAST_CHANCE", -1.0):
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


def chosen(found: Comparison) -> tuple[float, float, str]:
    """Return the validation and the test score of the best, by validation, and its name: a head, or what was trained to the end."""
    rounds = found.info.race.rounds if found.info.race else ()
    raced = {one.trial for done in rounds for one in done.runners}
    told = []
    for record in found.journal:
        trial, outcome = record.trial, record.outcome
        is_whole = trial.fidelity is not None and trial.fidelity.share == 1 and trial.key in raced
        if trial.candidate in CANDIDATES and isinstance(outcome, Finished) and (is_whole or trial.measures == "quality"):
            score, test = (m.value for name in ("score", "test_score") if (m := outcome.find(name)))
            rate = f" at {trial.recipe['learning_rate']:g}, {trial.fidelity.of:g} epochs" if trial.fidelity else ""
            told.append((score, test, f"{trial.technique}{rate}"))
    return max(told)


def hold(one: Set, workspace: Path) -> tuple[float, float]:
    """Return by how many points the race's choice stays behind the grid's, and the share of the grid's epochs that it takes."""
    with once(), nobody_leaves():
        grid = compare(one.name, SETTINGS, workspace=workspace, formats=("json",))
    shutil.rmtree(grid.folder / "checkpoints", ignore_errors=True)
    with once():
        race = compare(one.name, SETTINGS, workspace=workspace, resume=grid.info.run, formats=("json",))
    of_grid, of_race, share = chosen(grid), chosen(race), sum(epochs(race).values()) / sum(epochs(grid).values())
    print(
        f"        {one.name}: of {len(epochs(grid))} contenders the grid takes {_tell(of_grid)}, the race {_tell(of_race)}",
        flush=True,
    )
    return 100 * (of_grid[1] - of_race[1]), share


def _tell(found: tuple[float, float, str]) -> str:
    return f"{found[2]} (validation {found[0]:.3f}, test {found[1]:.3f})"


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
        claims.append(
            Claim(f"points of test accuracy that the race's choice stays behind the grid's ({one.name})", behind, 1, at_least=False)
        )
        claims.append(Claim(f"steps of the grid that the race takes ({one.name})", 100 * share, 25, at_least=False, unit=" %"))
    return claims
