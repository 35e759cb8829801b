"""Transferability scores beside the order that size alone gives, and how well each foretold the measured order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.core.ranking import RankedContender, Ranking
from harness.core.report import Transfer, TransferRow
from harness.core.shown import Column, Fact, Quantity
from harness.report import numbers
from harness.report.prose import metric_label

_FEWEST_FOR_AGREEMENT = 4
_NOTE = "A score of features alone can mislead: trust it here only as far as it foretells the measured order better than size does."


@dataclass(frozen=True, slots=True)
class _Order:
    """One way to order candidates: values by candidate, larger values first unless `lower` is better."""

    key: str
    label: str
    help: str
    write: numbers.Writer
    values: Mapping[str, float]
    lower: bool = False

    def places(self) -> dict[str, int]:
        """Return each candidate's place, equal values sharing the better one."""
        ordered = sorted(self.values.values(), reverse=not self.lower)
        return {name: ordered.index(value) + 1 for name, value in self.values.items()}

    def signed(self, name: str) -> float:
        """Return the value so that more is better."""
        return -self.values[name] if self.lower else self.values[name]


def build(ranking: Ranking) -> Transfer:
    """Return the table; without columns where no candidate has a transferability score."""
    # Only some candidates are trained, so that only heads on frozen features compare all of them.
    rows = [row for row in ranking.rows if not (row.baseline or row.is_trained or row.is_asked)]
    orders = _orders(rows, ranking)
    names = sorted({row.candidate for row in rows if row.value("logme") is not None or row.value("h_score") is not None})
    measured = orders[-1].values
    direction = 1 if ranking.higher_is_better else -1
    names.sort(key=lambda name: -direction * measured[name])
    if not names:
        return Transfer()
    return Transfer(
        columns=tuple(Column(key=o.key, label=o.label, help=o.help) for o in orders),
        rows=tuple(TransferRow(candidate=name, cells={o.key: _cell(o, name) for o in orders}) for name in names),
        agreement=_agreement(orders, names),
        note=_NOTE,
    )


def kendall_tau(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return the rank correlation of two sequences in [-1, 1], None where one of them is constant. Quadratic in their length.

    Source: Kendall 1945, tau-b: concordant less discordant pairs, over the geometric mean of the pairs not tied in each.

    >>> kendall_tau([1, 2, 3, 4], [1, 2, 4, 3])
    0.6666666666666666
    """
    pairs = list(combinations(range(len(first)), 2))
    one = [_sign(first[a] - first[b]) for a, b in pairs]
    two = [_sign(second[a] - second[b]) for a, b in pairs]
    untied = sum(map(abs, one)) * sum(map(abs, two))
    return sum(a * b for a, b in zip(one, two, strict=True)) / untied**0.5 if untied else None


def _orders(rows: Sequence[RankedContender], ranking: Ranking) -> tuple[_Order, ...]:
    """Return the orders by each score, by size, and last by what was measured."""
    lower = not ranking.higher_is_better
    nearest = {row.candidate: row.validation.score for row in rows if row.technique == "knn"}
    best: dict[str, float] = {}
    for row in rows:
        if row.technique != "knn":
            choose = min if lower else max
            best[row.candidate] = choose(best.get(row.candidate, row.validation.score), row.validation.score)
    measured = nearest | best
    label = metric_label(ranking.metric)
    best_of = "head on frozen features" if any(row.is_trained for row in ranking.rows) else "technique tried"
    return (
        _Order(
            "logme",
            "LogME",
            "Log maximum evidence of a Bayesian linear model on the features.",
            numbers.score,
            _values(rows, "logme"),
        ),
        _Order(
            "h_score",
            "H-score",
            "Between-class variance of the features, with a shrunk covariance.",
            numbers.significant,
            _values(rows, "h_score"),
        ),
        _Order(
            "knn", "kNN", f"{label} of the nearest neighbors in the features, on validation rows.", numbers.score, nearest, lower
        ),
        _Order(
            "parameters",
            "Size alone",
            "The order by number of parameters, larger first.",
            numbers.count,
            _values(rows, "parameters"),
        ),
        _Order("measured", "Measured", f"{label} of the best {best_of}, on validation rows.", numbers.score, measured, lower),
    )


def _values(rows: Sequence[RankedContender], name: str) -> dict[str, float]:
    return {row.candidate: value for row in rows if (value := row.value(name)) is not None}


def _cell(order: _Order, name: str) -> Quantity:
    if name not in order.values:
        return Quantity()
    return numbers.quantity(order.values[name], order.write).model_copy(update={"detail": f"#{order.places()[name]}"})


def _agreement(orders: Sequence[_Order], names: Sequence[str]) -> tuple[Fact, ...]:
    """Return the rank correlation of each order with the measured one, over the candidates that have both."""
    *predictors, measured = orders
    facts = []
    for order in predictors:
        both = [name for name in names if name in order.values and name in measured.values]
        tau = kendall_tau([order.signed(n) for n in both], [measured.signed(n) for n in both])
        if tau is not None and len(both) >= _FEWEST_FOR_AGREEMENT:
            facts.append(
                Fact(label=order.label, text=f"{tau:+.2f}", note=f"Kendall's tau with the measured order, {len(both)} candidates")
            )
    return tuple(facts)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
