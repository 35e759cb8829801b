"""What is known of each of bench's own metrics without computing it: its direction and its bounds."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.captions import CAPTIONS
from harness.core.measurement import Better
from harness.core.relevance import COLUMNS
from harness.core.trust import Trust
from harness.core.written import COLUMNS as WRITTEN
from harness.errors import TaskError


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """The direction of a metric, and its least and greatest value where there is one."""

    better: Better = "higher"
    least: float | None = 0.0
    greatest: float | None = 1.0

    @property
    def is_bounded(self) -> bool:
        """Tell whether it has both bounds."""
        return self.least is not None and self.greatest is not None

    @property
    def best(self) -> float | None:
        """Return the best value that there is."""
        return self.greatest if self.better == "higher" else self.least


_SHARE = MetricFacts()
_CORRELATION = MetricFacts(least=-1.0)
_ERROR = MetricFacts(better="lower", greatest=None)

FACTS: dict[str, MetricFacts] = {
    "accuracy": _SHARE,
    "balanced_accuracy": _SHARE,
    "macro_f1": _SHARE,
    "mcc": _CORRELATION,
    "micro_f1": _SHARE,
    "precision": _SHARE,
    "recall": _SHARE,
    "samples_f1": _SHARE,
    "weighted_f1": _SHARE,
    "spearman": _CORRELATION,
    "pearson": _CORRELATION,
    "r2": MetricFacts(least=None),
    "mae": _ERROR,
    "rmse": _ERROR,
    **dict.fromkeys(COLUMNS, _SHARE),
    **dict.fromkeys(CAPTIONS, _SHARE),
    **dict.fromkeys(WRITTEN, _SHARE),
}
_EXTERNAL = MetricFacts(least=None, greatest=None)
# External metrics whose name says that less is better.
_LOWER = ("loss", "error", "mse", "mae", "rmse", "perplexity", "wer", "cer")


def is_own(metric: str) -> bool:
    """Tell bench's own metrics from those of the evaluate library."""
    return metric in FACTS


def facts_of(metric: str) -> MetricFacts:
    """Return what is known of a metric; of an external one only what its name says.

    >>> facts_of("rmse").best, facts_of("mcc").least, facts_of("evaluate:mse").better
    (0.0, -1.0, 'lower')
    """
    if is_own(metric):
        return FACTS[metric]
    return MetricFacts(better="lower", least=None, greatest=None) if any(word in metric.lower() for word in _LOWER) else _EXTERNAL


def check_leave(metric: str, trust: Trust, place: str) -> None:
    """Refuse a metric that is code of somebody else's, unless the user allows such code.

    Raises:
        TaskError: it is not allowed.
    """
    if not is_own(metric) and not trust.remote_code:
        what = f'the metric "{metric.removeprefix("evaluate:")}" is Python code from the Hub, which would be run'
        raise TaskError(what, where=place, hint="use one of bench's own, or allow it with --allow-remote-code")
