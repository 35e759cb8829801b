"""How long a run may still take, and whether anybody wants it to stop."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import monotonic

# Ranking and reports come after the last trial.
_TO_REPORT = 0.03
_MOST_TO_REPORT_S = 10.0


class Clock:
    """Counts down a budget from a moment of the monotonic clock."""

    def __init__(self, budget_s: float | None, begun: float, is_stopped: Callable[[], bool]) -> None:
        """Take the budget, which began then; without one the time never runs out."""
        self._is_stopped = is_stopped
        self._due = math.inf if budget_s is None else begun + budget_s - min(_MOST_TO_REPORT_S, _TO_REPORT * budget_s)

    def left(self) -> float:
        """Return the seconds that are left, infinite without a budget."""
        return self._due - monotonic()

    def has_run_out(self) -> bool:
        """Tell whether the budget is spent."""
        return self.left() <= 0

    def is_over(self) -> bool:
        """Tell whether to stop: the user wishes it, or the budget is spent."""
        return self._is_stopped() or self.has_run_out()
