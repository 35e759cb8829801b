"""Recipes: for each technique a small space around what the literature uses for models of that size."""

from __future__ import annotations

from harness.core.kinds import Target

Recipe = dict[str, str | int | float]

# Up to so many parameters a model is small, medium, base or large.
_SIZES = (12_000_000, 60_000_000, 200_000_000)
_EPOCHS = ((5000, 3), (2000, 5), (1000, 8), (500, 10), (200, 15))
_MOST_EPOCHS = 20
_UNKNOWN = 110_000_000

# Learning rates by size. Devlin et al. 2019 and Mosbach et al. 2021 for base and large encoders. For smaller ones no source: with
# MiniLM on banking77, 4e-4 and 8e-4 learned alike in two epochs.
_FULL = (4e-4, 3e-4, 5e-5, 2e-5)
# Kumar et al. 2022: after a probe less is needed, and more undoes it. For small encoders no source: in three epochs of banking77
# MiniLM got as far with 2e-4 as with 1e-4, and its first layer got further with 3e-4 on sentences about finance.
_AFTER_PROBE = (5e-5, 2e-4, 2e-5, 1e-5)
# Hu et al. 2021 (RoBERTa) for base and large; small models take more, as they do in full.
_LORA = (2e-3, 1e-3, 5e-4, 2e-4)
# Liu et al. 2022 use 3e-3.
_IA3 = (1e-2, 1e-2, 5e-3, 3e-3)
# Lester et al. 2021 use 0.3 with Adafactor; with Adam a tenth of it and less.
_PROMPT = (3e-2, 3e-2, 2e-2, 1e-2)
# The learning rate of a new head beside an adapter.
_HEAD = (3e-3, 2e-3, 1e-3, 5e-4)

# A probe already tells the rows that it was fitted on with confidence, so that they teach little more; Szegedy et al. 2016 use 0.1.
_SMOOTHING = 0.1

# technique -> learning rates by size, what else it takes, and what its second recipe multiplies the learning rate by.
_TABLE: dict[str, tuple[tuple[float, ...], Recipe, float]] = {
    "full": (_FULL, {"layer_decay": 0.9, "head_scale": 5.0}, 2.0),
    "probe-then-finetune": (_AFTER_PROBE, {"layer_decay": 0.9, "label_smoothing": _SMOOTHING}, 2.0),
    "lora": (_LORA, {"rank": 8, "head": "probe", "label_smoothing": _SMOOTHING}, 2.0),
    "ia3": (_IA3, {}, 2.0),
    "prompt-tuning": (_PROMPT, {"virtual_tokens": 20}, 0.3),
}
_BESIDE = ("lora", "ia3", "prompt-tuning")
# Where documents are found: vectors that search already need smaller steps and fewer of them than a new head, and a batch is what
# each query is compared with. sentence-transformers' own examples take 2e-5 and one epoch for base encoders on large sets.
_SHARE_OF_SEARCH, _BATCH_OF_SEARCH, _EPOCHS_OF_SEARCH = 0.3, 32, 0.15


def recipes(technique: str, parameters: int | None, rows: int, target: Target = "class") -> tuple[Recipe, ...]:
    """Return the recipes to try, the literature's default first; `rows` is how many are learned from.

    A small set is gone through more often: from 3 epochs at 5,000 rows or more to 20 under 200. Where texts are written or
    documents found, a model gets no new head, and to find documents a seventh of the epochs does.

    >>> [(one["learning_rate"], one["epochs"]) for one in recipes("lora", 110_000_000, 6000)]
    [(0.0005, 3), (0.001, 3), (0.0005, 6)]
    """
    size = sum(limit < (parameters if parameters is not None else _UNKNOWN) for limit in _SIZES)
    epochs, batch = epochs_for(rows), batch_size_for(rows)
    rates, own, other = _TABLE[technique]
    if target == "documents":
        rates, batch = tuple(round(rate * _SHARE_OF_SEARCH, 9) for rate in rates), _BATCH_OF_SEARCH
        epochs = max(1, int(epochs * _EPOCHS_OF_SEARCH))
    default: Recipe = {
        "learning_rate": rates[size],
        "epochs": epochs,
        "batch_size": batch,
        "weight_decay": 0.01,
        "warmup": 0.06,
        **own,
    }
    if technique in _BESIDE:
        default["head_learning_rate"] = _HEAD[size]
    if target != "class":
        default.pop("label_smoothing", None)
    default = without_head(default) if target in {"text", "documents"} else default
    return default, {**default, "learning_rate": round(rates[size] * other, 9)}, {**default, "epochs": 2 * epochs}


def without_head(recipe: Recipe) -> Recipe:
    """Return a recipe for a model that gets no new head, as where texts are written.

    >>> without_head({"learning_rate": 0.1, "head": "probe", "head_scale": 5.0})
    {'learning_rate': 0.1}
    """
    return {key: value for key, value in recipe.items() if not key.startswith("head")}


def epochs_for(rows: int) -> int:
    """Return how often so many rows are gone through."""
    return next((epochs for least, epochs in _EPOCHS if rows >= least), _MOST_EPOCHS)


def batch_size_for(rows: int) -> int:
    """Return the rows of one step: 32, fewer where that would leave too few steps."""
    return 32 if rows >= 1000 else 16 if rows >= 200 else 8
