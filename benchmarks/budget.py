"""What ten minutes give: MiniLM on the intents of banking77, and how far what is recommended lies above the probe."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter

from claim import Claim

from harness.comparison import compare
from harness.core.ranking import RankedContender
from harness.core.run import Settings

DATA = Path(__file__).parents[2] / "shared/data/banking77"
BUDGET_S = 600.0
SETTINGS = Settings(candidates=("minilm-l6-v2",), data=str(DATA), budget_s=BUDGET_S, device="cpu", offline=True)


def tell(row: RankedContender) -> str:
    """Return a contender and what it scored."""
    found, test = row.validation, row.test.score if row.test else float("nan")
    return f"{row.name}: {found.score:.3f} [{found.low:.3f}, {found.high:.3f}], test {test:.3f}"


def measure() -> list[Claim]:
    """Hold one comparison within its budget."""
    if not DATA.is_dir():
        print(f"        the budget is not measured: {DATA} is not here")
        return []
    with tempfile.TemporaryDirectory() as folder:
        begun = perf_counter()
        found = compare("banking-intents", SETTINGS, workspace=folder, formats=("json",))
        taken = perf_counter() - begun
    rows = {(row.candidate, row.technique): row for row in found.result.rows}
    probe, wanted = rows["minilm-l6-v2", "linear-probe"], found.recommendation
    chosen = rows[wanted.candidate, wanted.technique] if wanted else probe
    gains = [one for one in found.result.gains if one.technique == chosen.technique]
    said = ", ".join(f"{100 * one.gain:+.1f} points [{100 * one.low:.1f}, {100 * one.high:.1f}] over the probe" for one in gains)
    print(f"        recommended: {tell(chosen)}; {said or 'it is not trained'}; probe: {tell(probe)}", flush=True)
    above = 100 * (chosen.test.score - probe.test.score) if chosen.test and probe.test else 0.0
    return [
        Claim("points of test macro-F1 that what ten minutes recommend is above the probe", above, 0.5, at_least=True),
        Claim("share of its budget that the run takes", 100 * taken / BUDGET_S, 105, at_least=False, unit=" %"),
    ]
