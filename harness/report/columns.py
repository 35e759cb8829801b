"""Which measurements stand in the ranking table, and how each is called, explained and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.measurement import Measurement
from harness.core.ranking import RankedContender
from harness.core.shown import Column, Fact, Quantity
from harness.report import numbers


@dataclass(frozen=True, slots=True)
class Kind:
    """A measurement as a column; `family` joins columns whose conditions are told together."""

    key: str
    label: str
    unit: str
    help: str
    write: numbers.Writer
    family: str = ""


_LATENCY = "what a caller waits for: preprocessing, forward pass and decision, search or text, on real rows of the task"
COST = (
    Kind("latency_p50_ms", "p50 latency", "ms", f"Half of the calls are faster; {_LATENCY}.", numbers.significant, "Latency"),
    Kind("latency_p95_ms", "p95 latency", "ms", f"95 of 100 calls are faster; {_LATENCY}.", numbers.significant, "Latency"),
    Kind("latency_p99_ms", "p99 latency", "ms", f"99 of 100 calls are faster; {_LATENCY}.", numbers.significant, "Latency"),
    Kind(
        "throughput_per_s",
        "Throughput",
        "rows/s",
        "Rows a second at the batch size that gives most.",
        numbers.significant,
        "Throughput",
    ),
    Kind("memory_mb", "Memory", "MB", "The peak that loading and running adds to a fresh process.", numbers.megabytes, "Memory"),
    Kind("weights_mb", "Weights", "MB", "Parameters and buffers, counted exactly.", numbers.megabytes, "Weights"),
    Kind("parameters", "Parameters", "", "Number of weights.", numbers.count, "Parameters"),
)
# Beside the others where any contender has them.
SERVED = (
    Kind(
        "cost_per_1000_rows",
        "Cost of 1,000 rows",
        "",
        "What a server takes for answering 1,000 rows of the task, in the currency that its card names.",
        numbers.significant,
        "Cost",
    ),
    Kind(
        "unmatched_share",
        "Replies without a class",
        "",
        "Share of the replies that name no class, or several: the row is then guessed.",
        numbers.percent,
        "Replies without a class",
    ),
)
MORE = (
    Kind("load_s", "Load", "s", "From nothing to a model in memory.", numbers.significant, "Load"),
    Kind(
        "first_call_ms", "First call", "ms", "The first call after loading, before any warm-up.", numbers.significant, "First call"
    ),
    Kind(
        "flops",
        "Operations",
        "",
        "Floating-point operations, counted by the library that runs them.",
        numbers.operations,
        "Operations",
    ),
    Kind(
        "index_s_per_1000_documents",
        "Indexing",
        "s per 1,000",
        "Seconds to embed or index 1,000 documents, before any query.",
        numbers.significant,
        "Indexing",
    ),
    Kind(
        "tokens_per_s",
        "Writing",
        "tokens/s",
        "Tokens a second that are written where many rows are asked at once.",
        numbers.significant,
        "Writing",
    ),
    Kind("index_mb", "Index", "MB", "What the vectors of all documents take.", numbers.megabytes, "Index"),
    Kind(
        "truncated_share",
        "Texts cut off",
        "",
        "Share of the texts longer than the model's context.",
        numbers.percent,
        "Texts cut off",
    ),
)
TRAINING = (
    Kind(
        "training_s_per_1000_rows",
        "Per 1,000 rows",
        "s",
        "Seconds of training for 1,000 rows, measured.",
        numbers.significant,
        "Time per 1,000 rows",
    ),
    Kind(
        "training_minutes",
        "Time in all",
        "min, estimated",
        "Minutes of training on all rows but the test rows, from the measured speed and the recipe's epochs.",
        numbers.significant,
        "Time in all",
    ),
    Kind(
        "training_memory_mb",
        "Peak memory",
        "MB",
        "The peak that training adds to the process as it was before loading.",
        numbers.megabytes,
        "Memory in training",
    ),
    Kind(
        "trainable_parameters",
        "Trained weights",
        "",
        "Number of weights that training changes, and their share.",
        numbers.count,
        "Trained weights",
    ),
    Kind(
        "stored_mb",
        "Stored",
        "MB",
        "What must be kept for this task: an adapter and a head, or all weights.",
        numbers.megabytes,
        "Stored",
    ),
    Kind("padding_share", "Padding", "", "Share of what was computed that is padding, not rows.", numbers.percent, "Padding"),
)


def describe(kinds: Sequence[Kind], contenders: Sequence[RankedContender]) -> tuple[Column, ...]:
    """Return the columns with the conditions that hold for all contenders."""
    return tuple(
        Column(key=k.key, label=k.label, unit=k.unit, help=k.help, conditions=", ".join(_shared(_taken(contenders, k.key))))
        for k in kinds
    )


def any_measured(kinds: Sequence[Kind], contenders: Sequence[RankedContender]) -> tuple[Kind, ...]:
    """Return the kinds of which at least one contender has a measurement."""
    return tuple(k for k in kinds if _taken(contenders, k.key))


def fill(kinds: Sequence[Kind], contender: RankedContender, columns: Sequence[Column]) -> dict[str, Quantity]:
    """Return a contender's quantities by key; conditions of its own stand in the quantity's detail."""
    cells = {}
    for kind, column in zip(kinds, columns, strict=True):
        found = _find(contender, kind.key)
        cell = numbers.measured(found, kind.write)
        shared = column.conditions.split(", ")
        own = [part for part in found.conditions.split(", ") if part not in shared] if found else []
        cells[kind.key] = cell.model_copy(update={"detail": ", ".join(own)})
    return cells


def conditions(kinds: Sequence[Kind], columns: Sequence[Column]) -> tuple[Fact, ...]:
    """Say once for every family of columns under which conditions it was measured."""
    found: dict[str, str] = {}
    for kind, column in zip(kinds, columns, strict=True):
        if column.conditions:
            found.setdefault(kind.family, column.conditions)
    return tuple(Fact(label=family, text=text) for family, text in found.items())


def _find(contender: RankedContender, name: str) -> Measurement | None:
    return next((m for m in contender.measurements if m.name == name), None)


def _taken(contenders: Sequence[RankedContender], name: str) -> list[Measurement]:
    return [found for contender in contenders if (found := _find(contender, name)) is not None]


def _shared(taken: Sequence[Measurement]) -> list[str]:
    """Return the conditions that all measurements have in common, in order."""
    if not taken:
        return []
    first, *others = [m.conditions.split(", ") for m in taken]
    return [part for part in first if part and all(part in parts for parts in others)]
