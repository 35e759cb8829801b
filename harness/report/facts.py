"""What stands behind the numbers: the task's limits, the rows, the machine, the versions, the method."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.core.kinds import KINDS, Target, several
from harness.core.ranking import Ranking
from harness.core.run import DataFacts, RunInfo
from harness.core.shown import Fact
from harness.core.trial import Finished, Record
from harness.report.numbers import count, duration, or_dash
from harness.report.prose import contender, listing, metric_label, plural

_MACHINE = {
    "system": ("System", ""),
    "processor": ("Processor", ""),
    "cores": ("Cores", ""),
    "memory_gb": ("Memory", " GB"),
    "gpu": ("GPU", ""),
    "device": ("Device", ""),
    "threads": ("Threads", ""),
}
_TOLD: dict[Target, str] = {"class": "Classes", "tags": "Types of entities"}


def requirements(info: RunInfo, ranking: Ranking) -> tuple[Fact, ...]:
    """Return what the task asks for: the metric, the margin, the preference and each limit."""
    direction = "higher is better" if ranking.higher_is_better else "lower is better"
    facts = [
        Fact(label="Metric", text=metric_label(ranking.metric), note=direction),
        Fact(label="Margin", text=f"{ranking.margin:g}", note="a difference in the metric that does not matter"),
        Fact(label="Prefer", text=ranking.prefer, note="decides among contenders within the margin"),
    ]
    return (*facts, *_limits(info))


def data(facts: DataFacts, info: RunInfo) -> tuple[Fact, ...]:
    """Return what is known of the rows."""
    if facts.documents:
        return _searched(facts, info)
    row = KINDS[info.task.kind].row
    choose = f"{facts.folds} folds; every {row} is predicted out of fold" if facts.folds > 1 else "held out; they choose"
    return (
        Fact(label="Source", text=facts.source),
        Fact(label="Training", text=plural(facts.train, row), note=f"the validation {several(row)} among them"),
        Fact(label="Validation", text=plural(facts.validation, row), note=choose),
        Fact(label="Test", text=plural(facts.test, row), note="took no part in any choice; they confirm"),
        _told(facts, info),
        Fact(label="License", text=info.task.data.license),
        Fact(label="Digest", text=or_dash(facts.digest[:16])),
    )


def _told(facts: DataFacts, info: RunInfo) -> Fact:
    """Return what is told of a row: classes, labels, or values with their span."""
    if facts.references is not None:
        least_number, most_number, length = facts.references
        number = f"{least_number}" if least_number == most_number else f"{least_number} to {most_number}"
        return Fact(label="References", text=f"{number} a row", note=f"median length {length:,} characters; the best counts")
    if facts.values is not None:
        least, mean, most = facts.values
        return Fact(label="Values", text=f"{least:.6g} to {most:.6g}", note=f"{mean:.6g} in the mean")
    counted = "entities" if info.task.target == "tags" else "rows"
    sizes = (
        f"{facts.smallest_class:,} {counted}"
        if facts.smallest_class == facts.largest_class
        else f"{facts.smallest_class:,} to {facts.largest_class:,} {counted}"
    )
    if info.task.kind == "multiple-choice":
        return Fact(label="Options", text=f"up to {len(facts.classes)}", note=f"at each place the right one of {sizes}")
    note = f"{sizes} each{', a row can have several' if info.task.multi_label else ''}; {listing(facts.classes, 20)}"
    return Fact(label=_TOLD.get(info.task.target, "Labels"), text=f"{len(facts.classes):,}", note=note)


def _searched(facts: DataFacts, info: RunInfo) -> tuple[Fact, ...]:
    """Return what is known of queries and of the documents that all of them search."""
    aside, is_shown, row = facts.train - facts.validation, info.task.target == "captions", KINDS[info.task.kind].row
    choose = "they choose" if not aside else f"they choose; {plural(aside, row)} more are kept for techniques that learn"
    return (
        Fact(label="Source", text=facts.source),
        Fact(label="Captions" if is_shown else "Documents", text=f"{facts.documents:,}", note=f"the same for every {row}"),
        Fact(label="Validation", text=plural(facts.validation, row), note=choose),
        Fact(label="Test", text=plural(facts.test, row), note="took no part in any choice; they confirm"),
        Fact(label="License", text=info.task.data.license),
        Fact(label="Digest", text=or_dash(facts.digest[:16])),
    )


def machine(info: RunInfo) -> tuple[Fact, ...]:
    """Return the machine as the workers saw it, known facts first."""
    known = [
        Fact(label=label, text=f"{info.environment[key]}{unit}")
        for key, (label, unit) in _MACHINE.items()
        if key in info.environment
    ]
    others = [Fact(label=key.replace("_", " "), text=str(value)) for key, value in info.environment.items() if key not in _MACHINE]
    return (*known, *others, *_provenance(info))


def _provenance(info: RunInfo) -> Iterable[Fact]:
    """Yield the state of the workspace's repository, and the variables that were set."""
    origin = info.provenance
    if origin.commit:
        note = "with changes that are not committed" if origin.changed else "nothing changed since"
        yield Fact(label="Workspace", text=f"commit {origin.commit[:12]}", note=note)
    for name, value in origin.variables.items():
        yield Fact(label=name, text=value)


def versions(info: RunInfo) -> tuple[Fact, ...]:
    """Return the versions of what took part."""
    return tuple(Fact(label=name, text=version) for name, version in info.versions.items())


def method(info: RunInfo, ranking: Ranking, records: Sequence[Record]) -> tuple[str, ...]:
    """Say how it was measured, in sentences."""
    from harness.core.resample import RESAMPLES  # noqa: PLC0415 - brings numpy, which nothing else here needs

    label, row = metric_label(ranking.metric), KINDS[info.task.kind].row
    seeds = [str(seed) for seed in sorted({record.trial.seed for record in records} or {info.settings.seed})]
    time = duration(sum(record.seconds for record in records))
    told = [
        f"Scores are {label} on {plural(ranking.validation_rows, f'validation {row}')}, the same for every contender; "
        f"these rank. The {plural(ranking.test_rows, f'test {row}')} took no part in any choice.",
        f"Intervals hold the truth in 95 of 100 cases: a bootstrap of {RESAMPLES:,} resamples, the same for every "
        "contender, so that differences are paired. Contenders of one tie group are not separated; the chance "
        "of any false winner is 5 %.",
        "Each candidate ran in processes of its own: quality, latency and throughput in one, peak memory in another.",
        *_search(info, records),
        *_writing(info, ranking, records),
        *_training(records),
        *_served(info, ranking),
        *_kept(records),
        *_resumed(info),
        f"Seed{'' if len(seeds) == 1 else 's'} {listing(seeds)}; {plural(len(records), 'trial')} took {time}.",
    ]
    return tuple(told)


def _search(info: RunInfo, records: Sequence[Record]) -> Iterable[str]:
    """Say what is compared where documents are searched."""
    if info.task.target == "captions":
        yield (
            f"Every picture was compared with all {info.data.documents:,} captions, and each of its captions with all pictures, "
            "those of the test rows among them; nothing was learned. Latency is that of one picture, from its pixels to the best "
            "ten captions."
        )
    elif info.data.documents:
        is_trained = any(r.trial.measures == "training" and isinstance(r.outcome, Finished) for r in records)
        learned = (
            "what was trained learned from training queries beside their right documents, the other documents of a batch being "
            "wrong to it, and embedded all documents anew"
        )
        yield (
            f"Every query was put to all {info.data.documents:,} documents, and each was compared with it; "
            f"{learned if is_trained else 'nothing was learned from queries'}. The documents were embedded or indexed before; "
            "latency is that of one query, from its text to the best ten documents."
        )


def _writing(info: RunInfo, ranking: Ranking, records: Sequence[Record]) -> Iterable[str]:
    """Say how texts come to be and how they are judged."""
    if info.data.references is None:
        return
    write = info.task.write
    found = "Exact match and token F1 are of the answers that the task's pattern finds." if write.answer else ""
    most = plural(write.limit, "token")
    yield (
        f"Texts are written greedily, nothing is drawn by lot, up to {most} or the first stop text. A model with a template for "
        "chats gets the prompt as one turn of a user, as its recipe says. Latency is that of the whole text."
    )
    yield f"Each text has figures of its own, beside the nearest of its references; a score is their mean. {found}".strip()
    kept = {r.trial.key: r.predictions for r in records}
    files = [
        f"{contender(row.candidate, row.technique)} in predictions/{kept[row.trial]}" for row in ranking.rows if row.trial in kept
    ]
    if files:
        yield f"What was written stands beside the references in files of the run's folder: {listing(files, 20)}."


def _training(records: Sequence[Record]) -> Iterable[str]:
    """Say what scores of trained contenders are worth."""
    trained = [r.outcome for r in records if r.trial.measures == "training" and isinstance(r.outcome, Finished)]
    if not trained:
        return
    yield (
        "Weights were trained on the training rows; the validation rows chose who went on, and of several recipes of a technique "
        "the one that counts, so that validation scores of trained contenders are slightly optimistic; the test score confirms."
    )
    yield (
        "Each round went on from where the last one ended: who left early is ranked by the score of a training that was not "
        "carried to the end, and did not predict the test rows."
    )
    if any(one.recipe.get("weights") == "averaged" for one in trained):
        yield "Before its end a training answered with the mean of its weights along the way, later steps weighing more."


def _served(info: RunInfo, ranking: Ranking) -> Iterable[str]:
    """Say what is not known of models that run elsewhere."""
    ranked = {row.candidate for row in ranking.rows}
    names = [f"{card.name} at {card.host}" for card in info.cards if card.host and card.name in ranked]
    if names:
        yield (
            f"Called and not loaded: {listing(names, 8)}. Latency has the network in it there, memory and size are not known, "
            "what they gave is not kept for another run, and they cannot be fine-tuned here."
        )


def _kept(records: Sequence[Record]) -> Iterable[str]:
    names = sorted({record.trial.candidate for record in records if record.features == "cached"})
    if names:
        yield f"Features of {listing(names, 8)} were kept from an earlier run with the same rows, files, settings and versions."


def _resumed(info: RunInfo) -> Iterable[str]:
    if info.resumed:
        times = plural(len(info.resumed), "time")
        yield f"The run was taken up again {times}, the last at {info.resumed[-1]}; what was finished was not run again."


def warnings(info: RunInfo, ranking: Ranking, records: Sequence[Record]) -> tuple[str, ...]:
    """Return what a reader must know before trusting the numbers: faults of the data and notes of trials, each once."""
    told = [*_unfinished(info, records), *info.data.warnings]
    by_note: dict[str, list[str]] = {}
    for record in records:
        if isinstance(record.outcome, Finished):
            for note in record.outcome.notes:
                by_note.setdefault(note, []).append(f"{record.trial.candidate} · {record.trial.technique}".removesuffix(" · "))
    told += [f"{listing(list(dict.fromkeys(names)))}: {note}" for note, names in by_note.items()]
    if ranking.rows and not ranking.test_rows:
        told.append("There are no test rows, so nothing confirms the scores.")
    return tuple(told)


def _unfinished(info: RunInfo, records: Sequence[Record]) -> Iterable[str]:
    left = len(set(info.plan) - {record.trial.key for record in records})
    if left:
        yield (
            f"The run was stopped: {left} of {plural(len(info.plan), 'trial')} were not run, so that others may be better. "
            f"`bench compare --task {info.task.name} --resume {info.run}` goes on."
        )


def _limits(info: RunInfo) -> Iterable[Fact]:
    limits = info.task.constraints
    policy, latency = limits.license, limits.latency_ms
    if policy is not None:
        parts = ["commercial use"] if policy.use == "commercial" else []
        parts += [f"only {listing(policy.allow)}"] if policy.allow else []
        parts += [f"not {listing(policy.deny)}"] if policy.deny else []
        yield Fact(label="License", text="; ".join(parts) or "any", note=f"an unknown license: {policy.unknown}")
    if latency is not None:
        for name in ("p50", "p95", "p99"):
            limit = getattr(latency, name)
            if limit is not None:
                yield Fact(label=f"{name} latency", text=f"≤ {_plain(limit)} ms", note="batch 1")
    plain = (
        ("Memory", limits.memory_mb, "≤ {} MB", _plain),
        ("Weights", limits.weights_mb, "≤ {} MB", _plain),
        ("Parameters", limits.parameters, "≤ {}", count),
        ("Context", limits.context, "≥ {} tokens", _plain),
        ("Throughput", limits.throughput_per_s, "≥ {} rows/s", _plain),
        ("Cost of 1,000 rows", limits.cost_per_1000_rows, "≤ {}", _plain),
        ("Memory for training", limits.training_memory_mb, "≤ {} MB", _plain),
        ("Time for training", limits.training_minutes, "≤ {} min", _plain),
    )
    for label, value, text, write in plain:
        if value is not None:
            yield Fact(label=label, text=text.format(write(float(value))))
    if limits.min_quality is not None:
        yield Fact(label="Minimum quality", text=f"{limits.min_quality:g}", note="the interval's worse end must reach it")


def _plain(value: float) -> str:
    """Write a limit as the task states it."""
    return f"{value:,.12g}"
