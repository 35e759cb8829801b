"""Whether a candidate, and later a contender, meets the constraints of a task."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.card import Card
from harness.core.constraint import LatencyLimit, LicensePolicy, Verdict
from harness.core.measurement import Measurement
from harness.core.ranking import Estimate
from harness.core.task import Task
from harness.rank.licenses import check_policy

WORDS = {
    "license": "license",
    "latency_ms.p50": "p50 latency",
    "latency_ms.p95": "p95 latency",
    "latency_ms.p99": "p99 latency",
    "memory_mb": "memory",
    "weights_mb": "size of the weights",
    "parameters": "number of parameters",
    "context": "context length",
    "throughput_per_s": "throughput",
    "cost_per_1000_rows": "cost of 1,000 rows",
    "training_memory_mb": "memory for training",
    "training_minutes": "time for training",
    "min_quality": "quality",
    "languages": "languages",
    "modality": "modality",
}
# Constraint -> measurement, unit. An upper bound each, but for throughput.
_MEASURED = {
    "latency_ms.p50": ("latency_p50_ms", "ms"),
    "latency_ms.p95": ("latency_p95_ms", "ms"),
    "latency_ms.p99": ("latency_p99_ms", "ms"),
    "memory_mb": ("memory_mb", "MB"),
    "weights_mb": ("weights_mb", "MB"),
    "parameters": ("parameters", ""),
    "throughput_per_s": ("throughput_per_s", "rows/s"),
    "cost_per_1000_rows": ("cost_per_1000_rows", ""),
    "training_memory_mb": ("training_memory_mb", "MB"),
    "training_minutes": ("training_minutes", "min"),
}
_OF_WEIGHTS = ("weights_mb", "parameters")
_OF_TRAINING = ("training_memory_mb", "training_minutes")
_ANY_LANGUAGE = {"multilingual", "mul"}


def screen(card: Card, task: Task) -> tuple[Verdict, ...]:
    """Judge what a card alone decides: modality, license, languages, context and, where the card states them, parameters."""
    limits = task.constraints
    found = [_check_modality(card, task)]
    if limits.license is not None:
        found.append(_check_license(card, limits.license))
    if task.modality == "text" and not card.baseline:
        found += _check_languages(card, task)
        if limits.context is not None:
            found.append(_check_context(card, limits.context))
    if limits.parameters is not None and card.parameters is not None:
        found.append(_compare("parameters", card.parameters, limits.parameters, "as its card states"))
    return tuple(found)


def judge(card: Card, task: Task, measurements: Sequence[Measurement], validation: Estimate) -> tuple[Verdict, ...]:
    """Judge what needs measurements: latency, throughput, memory, size, and quality by the worse end of its interval.

    What has a limit and was not measured is `unknown`. A measured number of parameters stands before the card's. A baseline
    holds no weights of a foundation model, so limits on them do not bind it; limits on training do not bind heads on
    frozen features, limits on memory no model of a server, and limits on what is paid no model of this machine.
    """
    known = {m.name: m for m in measurements}
    found = []
    for name, limit in _limits(task).items():
        measured = known.get(_MEASURED[name][0])
        if measured is not None:
            found.append(_compare(name, measured.value, limit, "measured"))
        elif name == "parameters" and card.parameters is not None:
            found.append(_compare(name, card.parameters, limit, "as its card states"))
        elif reason := _why_free(name, card, is_trained="trainable_parameters" in known):
            found.append(Verdict(constraint=name, verdict="pass", reason=reason))
        else:
            reason = f"The {WORDS[name]} was not measured; the limit is {_amount(name, limit)}."
            found.append(Verdict(constraint=name, verdict="unknown", reason=reason))
    if task.constraints.min_quality is not None:
        score = known.get("score")
        found.append(_check_quality(task, validation, lower=score is not None and score.better == "lower"))
    return tuple(found)


def _why_free(name: str, card: Card, *, is_trained: bool) -> str:
    """Return why a limit does not bind a contender of which the quantity was not measured, nothing where it does."""
    if name in _OF_TRAINING and not is_trained:
        return "No weights of the model are trained."
    if name in _OF_WEIGHTS and card.baseline:
        return "A baseline has no weights of a foundation model."
    if name == "memory_mb" and card.host:
        return f"It runs at {card.host} and takes no memory here."
    if name == "cost_per_1000_rows" and not card.host:
        return "It runs here, and nobody is paid by the row."
    return ""


def _limits(task: Task) -> dict[str, float]:
    limits = task.constraints
    latency = limits.latency_ms or LatencyLimit()
    every = {
        "latency_ms.p50": latency.p50,
        "latency_ms.p95": latency.p95,
        "latency_ms.p99": latency.p99,
        "memory_mb": limits.memory_mb,
        "weights_mb": limits.weights_mb,
        "parameters": limits.parameters,
        "throughput_per_s": limits.throughput_per_s,
        "cost_per_1000_rows": limits.cost_per_1000_rows,
        "training_memory_mb": limits.training_memory_mb,
        "training_minutes": limits.training_minutes,
    }
    return {name: limit for name, limit in every.items() if limit is not None}


def _compare(name: str, value: float, limit: float, source: str) -> Verdict:
    least = name == "throughput_per_s"
    passes = value >= limit if least else value <= limit
    relation = ("reaches" if least else "is within") if passes else ("is below" if least else "is above")
    bound = "minimum" if least else "limit"
    # Four digits read well; a value that would then look like its limit gets six.
    digits = 6 if _amount(name, value) == _amount(name, limit) else 4
    reason = f"The {WORDS[name]}, {_amount(name, value, digits)} {source}, {relation} the {bound} of {_amount(name, limit)}."
    return Verdict(constraint=name, verdict="pass" if passes else "fail", reason=reason)


def _amount(name: str, value: float, digits: int = 4) -> str:
    """Write a value with its unit."""
    unit = _MEASURED[name][1]
    text = f"{value:,.0f}" if name == "parameters" else f"{value:,.{digits}g}" if value < 10**digits else f"{value:,.1f}"
    return f"{text} {unit}".rstrip()


def _check_modality(card: Card, task: Task) -> Verdict:
    fits = task.modality in card.modality
    verb = "reads" if fits else "does not read"
    return Verdict(constraint="modality", verdict="pass" if fits else "fail", reason=f"The candidate {verb} {task.modality}.")


def _check_license(card: Card, policy: LicensePolicy) -> Verdict:
    found = check_policy(card.license, policy)
    if found.answer == "unknown" and policy.unknown == "accept":
        return Verdict(constraint="license", verdict="pass", reason=f"Accepted by the task although {found.reason}.")
    verdict = {"yes": "pass", "no": "fail", "unknown": "unknown"}[found.answer]
    wish = "commercial use" if policy.use == "commercial" else "a license on its list"
    sentence = (
        f"The task asks for {wish}: {found.reason}." if verdict != "pass" else f"{found.reason[:1].upper()}{found.reason[1:]}."
    )
    return Verdict.model_validate({"constraint": "license", "verdict": verdict, "reason": sentence})


def _check_languages(card: Card, task: Task) -> list[Verdict]:
    """Compare primary subtags: a model for `en` serves a task in `en-GB`. Where either side states none, nothing binds."""
    stated, wanted = _primary(card.languages), _primary(task.languages)
    if not stated or not wanted:
        return []
    shared = wanted & stated or _ANY_LANGUAGE & stated
    reason = f"The candidate knows {', '.join(card.languages)}; the task is in {', '.join(task.languages)}."
    return [Verdict(constraint="languages", verdict="pass" if shared else "fail", reason=reason)]


def _primary(tags: Sequence[str]) -> set[str]:
    return {tag.casefold().replace("_", "-").split("-")[0] for tag in tags}


def _check_context(card: Card, least: int) -> Verdict:
    if card.context is None:
        return Verdict(
            constraint="context",
            verdict="unknown",
            reason=f"The card states no context length; the task asks for {least:,} tokens.",
        )
    passes = card.context >= least
    relation = "reaches" if passes else "is below"
    reason = f"The context length, {card.context:,} tokens as its card states, {relation} the minimum of {least:,} tokens."
    return Verdict(constraint="context", verdict="pass" if passes else "fail", reason=reason)


def _check_quality(task: Task, validation: Estimate, *, lower: bool) -> Verdict:
    """Demand that the interval's worse end reaches the bound: the lower end, or the upper one where less is better."""
    bound = task.constraints.min_quality or 0.0
    end = validation.high if lower else validation.low
    passes = end <= bound if lower else end >= bound
    relation = "reaches" if passes else "does not reach"
    measured = f"{task.metric} {validation.score:.4g} with 95 % interval [{validation.low:.4g}, {validation.high:.4g}]"
    side, limit = ("upper", "limit") if lower else ("lower", "minimum")
    reason = f"The quality is {measured}, and its {side} end {relation} the {limit} of {bound:g}."
    return Verdict(constraint="min_quality", verdict="pass" if passes else "fail", reason=reason)
