"""The recommendation in words: what to take, how sure that is, and what to do next."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable

from harness.core.kinds import KINDS, several
from harness.core.ranking import RankedContender, Ranking, Recommendation
from harness.core.report import Advice, Step
from harness.core.run import RunInfo
from harness.core.shown import Fact
from harness.core.technique_names import ASKED, UNTAUGHT
from harness.report import numbers
from harness.report.prose import contender, how, listing, metric_label, plural

_COSTS = (
    ("latency_p95_ms", "p95 latency", numbers.significant, " ms"),
    ("memory_mb", "Memory", numbers.megabytes, " MB"),
    ("parameters", "Parameters", numbers.count, ""),
    ("training_minutes", "Training, estimated", numbers.significant, " min"),
    ("training_memory_mb", "Memory in training", numbers.megabytes, " MB"),
)


def advise(info: RunInfo, ranking: Ranking) -> Advice:
    """Return the answer in words; when nothing qualifies, why and what would help."""
    chosen = ranking.recommendation
    if chosen is None:
        return _nothing(info, ranking)
    row = next((r for r in ranking.rows if (r.candidate, r.technique) == (chosen.candidate, chosen.technique)), None)
    # The reason itself opens with the baseline where a baseline suffices.
    return Advice(
        headline=_call(info, chosen) or _headline(chosen, is_baseline=row is not None and row.baseline),
        verdict=_verdict(chosen, KINDS[info.task.kind].labeled),
        candidate=chosen.candidate,
        technique=chosen.technique,
        decisive=chosen.decisive,
        baseline_suffices=chosen.baseline_suffices,
        sentences=(chosen.reason, *_elsewhere(info, ranking, chosen)),
        facts=_facts(chosen, ranking, row),
        next=_next(info, ranking),
    )


def command(info: RunInfo) -> str:
    """Return the line that repeats the run."""
    settings = info.settings
    parts = ["bench", "compare", "--task", info.task.name]
    for flag, values in (("--candidates", settings.candidates), ("--techniques", settings.techniques)):
        parts += [flag, ",".join(values)] if values else []
    for change in settings.constraints:
        parts += ["--constraint", change]
    parts += ["--data", settings.data] if settings.data else []
    parts += ["--device", settings.device] if settings.device != "auto" else []
    parts += ["--seed", str(settings.seed)]
    parts += ["--effort", settings.effort] if settings.effort != "standard" else []
    parts += ["--budget", f"{settings.budget_s:g}s"] if settings.budget_s is not None else []
    parts += ["--offline"] if settings.offline else []
    parts += ["--allow-remote"] if settings.allow_remote else []
    return shlex.join(parts)


def _host(info: RunInfo, chosen: Recommendation) -> str:
    return next((card.host for card in info.cards if card.name == chosen.candidate), "")


def _call(info: RunInfo, chosen: Recommendation) -> str:
    """Return the headline of a choice that runs elsewhere; nothing where it does not, or where a baseline would do."""
    host = _host(info, chosen)
    return (
        f"Call {contender(chosen.candidate, chosen.technique)}, which runs at {host}"
        if host and not chosen.baseline_suffices
        else ""
    )


def _elsewhere(info: RunInfo, ranking: Ranking, chosen: Recommendation) -> Iterable[str]:
    """Say what it means that the choice runs on somebody else's machine, and who is the best that does not."""
    host = _host(info, chosen)
    if not host:
        return
    yield (
        f"It runs at {host}: every row is sent there, and whoever runs it can change it or take it away. It cannot be fine-tuned "
        "here: your labels can train a head on its features or stand as examples in its prompt, and nothing more."
    )
    served = {card.name for card in info.cards if card.host}
    own = next((row for row in ranking.rows if row.rank and row.candidate not in served and not row.control), None)
    if own is not None:
        score = f"{numbers.score(own.validation.score)} {numbers.interval(own.validation.low, own.validation.high)}"
        yield f"The best that runs here is {contender(own.candidate, own.technique)}: {score} {metric_label(ranking.metric)}."


def _headline(chosen: Recommendation, *, is_baseline: bool) -> str:
    name = contender(chosen.candidate, chosen.technique)
    if is_baseline and not chosen.baseline_suffices:
        return f"So far the choice is the baseline {name}"
    if is_baseline:
        return f"You need no foundation model: {name} is enough"
    if chosen.baseline_suffices:
        return f"A baseline without a foundation model is nearly as good; the choice is {name}"
    if chosen.technique == "dense-search":
        return f"Search with {chosen.candidate} as it is"
    if chosen.technique in {*UNTAUGHT, *ASKED}:
        return f"Train nothing: {name} is enough"
    return f"Fine-tune {name}"


def _verdict(chosen: Recommendation, labeled: str) -> str:
    """Say whether the evidence decides, and what would make it decide."""
    if chosen.decisive:
        return "Decisive"
    if chosen.more_rows:
        return f"Not decisive: about {plural(chosen.more_rows, f'more {labeled}')} would settle it"
    return f"Not decisive: more {several(labeled.rpartition(' ')[2])} would hardly settle it"


def _facts(chosen: Recommendation, ranking: Ranking, row: RankedContender | None) -> tuple[Fact, ...]:
    label = metric_label(ranking.metric)
    facts = [Fact(label=f"{label}, validation", text=numbers.score(chosen.score), note=numbers.interval(chosen.low, chosen.high))]
    if row is not None and row.test is not None:
        facts.append(
            Fact(label=f"{label}, test", text=numbers.score(row.test.score), note=numbers.interval(row.test.low, row.test.high))
        )
    untaught = next((r for r in ranking.rows if r.candidate == chosen.candidate and r.technique in UNTAUGHT), None)
    if untaught is not None and chosen.technique not in UNTAUGHT:
        score = untaught.validation
        facts.append(Fact(label="Without labels", text=numbers.score(score.score), note=numbers.interval(score.low, score.high)))
    gain = next((g for g in ranking.gains if (g.candidate, g.technique) == (chosen.candidate, chosen.technique)), None)
    if gain is not None:
        write, unit = numbers.gain_writer(ranking.metric)
        span = f"[{write(gain.low)}, {write(gain.high)}]{unit}"
        facts.append(Fact(label=f"Gain over its {how(gain.over)}", text=write(gain.gain), note=span))
    sure = numbers.probability(chosen.probability_within_margin)
    facts.append(Fact(label="Within the margin of the best", text=sure, note=f"probability; margin {ranking.margin:g}"))
    facts.append(Fact(label="Expected regret", text=numbers.score(chosen.expected_regret), note=f"of {label}"))
    for key, name, write, unit in _COSTS:
        value = row.value(key) if row is not None else None
        if value is not None:
            facts.append(Fact(label=name, text=f"{write(value)}{unit}"))
    # What is paid is in a currency that its measurement alone knows.
    paid = [m for m in row.measurements if m.name == "cost_per_1000_rows"] if row is not None else []
    facts += [Fact(label="Cost of 1,000 rows", text=f"{numbers.significant(m.value)} {m.unit}") for m in paid]
    return (*facts, Fact(label="License", text=row.license)) if row is not None else tuple(facts)


def _next(info: RunInfo, ranking: Ranking) -> tuple[Step, ...]:
    chosen = ranking.recommendation
    steps = []
    if chosen is not None and not chosen.decisive:
        labeled = KINDS[info.task.kind].labeled
        wanted = f"about {plural(chosen.more_rows, f'more {labeled}')}" if chosen.more_rows else f"more {several(labeled)}"
        line = shlex.join(["bench", "compare", "--task", info.task.name, "--data", "PATH"])
        steps.append(Step(why=f"To decide between the contenders that are tied, compare again with {wanted}:", command=line))
    if chosen is not None and _can_be_finetuned(info, chosen):
        line = shlex.join(["bench", "finetune", info.run, "--out", f"models/{info.task.name}"])
        steps.append(
            Step(why="To train it on all rows but the test rows and write it as a folder that its library loads:", command=line)
        )
    if chosen is None and ranking.excluded:
        # What ran can be ranked again; what its card alone ruled out has yet to run.
        line = shlex.join(["bench", "report", info.run]) if ranking.rows else command(info)
        steps.append(Step(why="To see what another limit would lead to:", command=f"{line} --constraint KEY=VALUE"))
    names = sorted({row.candidate for row in ranking.skipped if row.is_away})
    if names:
        why = f"{plural(len(names), 'candidate')} could not be tried here. With a network, or their weights on this machine:"
        online = info.model_copy(update={"settings": info.settings.model_copy(update={"offline": False})})
        steps.append(Step(why=why, command=command(online)))
    steps.append(Step(why="To render this report again from its records:", command=shlex.join(["bench", "report", info.run])))
    return tuple(steps)


def _can_be_finetuned(info: RunInfo, chosen: Recommendation) -> bool:
    """Tell whether `bench finetune` writes such a contender: a model of an adapter under any technique that learns weights."""
    adapters = {card.name: card.adapter for card in info.cards if not (card.control or card.host)}
    return bool(adapters.get(chosen.candidate)) and chosen.technique not in {*UNTAUGHT, *ASKED, "knn", "fit"}


def _nothing(info: RunInfo, ranking: Ranking) -> Advice:
    tried = sum(row.rank == 0 for row in ranking.rows)
    sentences = []
    if tried:
        sentences.append(f"{plural(tried, 'contender')} ran, and none meets every constraint of the task.")
    else:
        sentences.append("No candidate was measured, so there is nothing to recommend.")
    by_constraint = Counter(row.constraint for row in ranking.excluded)
    if by_constraint:
        counted = [f"{name} ({number})" for name, number in by_constraint.most_common()]
        sentences.append(f"Ruled out by: {listing(counted)}.")
    for absent, what in ((ranking.skipped, "could not be tried"), (ranking.failed, "failed")):
        if absent:
            sentences.append(f"{plural(len({row.candidate for row in absent}), 'candidate')} {what}; the reasons stand below.")
    return Advice(headline="Nothing qualifies", sentences=tuple(sentences), next=_next(info, ranking))
