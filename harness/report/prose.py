"""Words for names: what a metric, a technique or a list is called in a sentence."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from harness.core.kinds import several
from harness.core.technique_names import technique_name

_METRICS = {
    "mae": "mean absolute error",
    "pearson": "Pearson correlation",
    "r2": "R²",
    "rmse": "RMSE",
    "samples_f1": "F1 by row",
    "spearman": "Spearman correlation",
    "mrr": "MRR",
    "ndcg@10": "nDCG@10",
    "chrf": "chrF",
    "exact_match": "exact match",
    "rouge_l": "ROUGE-L",
    "token_f1": "token F1",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "mcc": "MCC",
    "micro_f1": "micro-F1",
    "weighted_f1": "weighted F1",
}
# What would reorder or hide text around it: embeddings, overrides and isolates of writing direction.
_DIRECTION = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    r"""Return text on one line without control characters or marks that change the writing direction.

    >>> clean("a\nb\x00\u202ec")
    'a bc'
    """
    spaced = " ".join(text.split())
    return "".join(c for c in spaced if c not in _DIRECTION and unicodedata.category(c) not in {"Cc", "Cs"})


def clean_line(text: str) -> str:
    """Clean a line of a log and keep its indentation.

    >>> clean_line("  at  line 3")
    '  at line 3'
    """
    return " " * (len(text) - len(text.lstrip(" "))) + clean(text)


def clean_all(value: Any) -> Any:  # noqa: ANN401 - whatever a dump holds
    """Clean every string of a dump; lines under the key `log` keep their indentation."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: tuple(map(clean_line, item)) if key == "log" else clean_all(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(clean_all(item) for item in value)
    return value


def metric_label(metric: str) -> str:
    """Name a metric for a reader.

    >>> metric_label("macro_f1"), metric_label("evaluate:brier_score")
    ('macro-F1', 'brier_score')
    """
    return _METRICS.get(metric, metric.removeprefix("evaluate:"))


def contender(candidate: str, technique: str) -> str:
    """Name a contender in a sentence; what is fitted from scratch needs no technique beside it.

    >>> contender("bert", "linear-probe"), contender("majority", "fit"), contender("bert", "lora")
    ('bert with a linear probe', 'majority', 'bert with LoRA')
    """
    if technique in {"", "fit"}:
        return candidate
    return f"{candidate} with {technique_name(technique)}"


def how(technique: str) -> str:
    """Name a technique without an article.

    >>> how("linear-probe"), how("prompt-tuning"), how("my-own")
    ('linear probe', 'prompt tuning', 'my-own')
    """
    return technique_name(technique).removeprefix("a ").removeprefix("its ")


def epochs(reached: float, of: float) -> str:
    """Say how far something was trained.

    >>> epochs(0.45, 3), epochs(1, 1)
    ('0.45 of 3 epochs', '1 of 1 epoch')
    """
    return f"{reached:.4g} of {of:.4g} epoch{'' if of == 1 else 's'}"


def reached(done: float | None, of: float | None) -> str:
    """Say how far a contender was trained where that was not to the end, else nothing.

    >>> reached(0.45, 3.0), reached(3.0, 3.0), reached(None, None)
    ('trained 0.45 of 3 epochs', '', '')
    """
    return "" if done is None or of is None or done >= of else f"trained {epochs(done, of)}"


def listing(names: Sequence[str], most: int = 6) -> str:
    """Join names as in a sentence; beyond `most` the rest is counted.

    >>> listing(["a", "b", "c"]), listing(["a", "b", "c", "d"], 2)
    ('a, b and c', 'a, b and 2 more')
    """
    shown = list(names[:most]) + ([f"{len(names) - most} more"] if len(names) > most else [])
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def plural(number: int, noun: str) -> str:
    """Count a noun with a regular plural.

    >>> plural(1, "row"), plural(1200, "row"), plural(2, "query")
    ('1 row', '1,200 rows', '2 queries')
    """
    return f"{number:,} {noun if number == 1 else several(noun)}"
