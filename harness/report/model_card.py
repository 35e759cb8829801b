"""The model card of a fine-tuned model: `README.md` with the front matter that the Hub reads. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from harness.core.finetuned import Finetuned
from harness.core.measurement import Measurement
from harness.core.ranking import Estimate
from harness.core.shown import Fact
from harness.report import numbers, templates
from harness.report.model_use import library, pipeline_kind, snippet
from harness.report.prose import clean, metric_label

# The licenses that the Hub knows by name, in its spelling: SPDX in lower case. https://huggingface.co/docs/hub/repositories-licenses
_HUB_LICENSES = frozenset(
    {
        "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear",
        "bsl-1.0", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0",
        "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
        "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0",
        "ecl-2.0", "epl-1.0", "epl-2.0", "eupl-1.1", "eupl-1.2", "isc", "mit", "mpl-2.0", "ms-pl", "ncsa", "ofl-1.1",
        "osl-3.0", "pddl-1.0", "postgresql", "unknown", "unlicense", "wtfpl", "zlib",
    }
)  # fmt: skip
_HUB_METRICS = {"macro_f1": "f1", "micro_f1": "f1", "weighted_f1": "f1", "mcc": "matthews_correlation"}
_MOST_LABELS = 100
_OWN_LIMITS = {
    "text": "What it writes can be wrong, however well it reads; the score tells how near it comes to references.",
    "documents": "It always finds something: the nearest documents, also where none is right. It must embed all documents itself.",
}
_LABELS = {
    "training_s": "Training",
    "training_memory_mb": "Memory in training",
    "stored_mb": "Size of the weights here",
    "trainable_parameters": "Weights that were trained",
    "trainable_share": "Their share",
    "parameters": "Weights of the base model",
    "latency_p50_ms": "Latency, median",
    "latency_p95_ms": "Latency, 95th percentile",
    "throughput_per_s": "Throughput",
    "memory_mb": "Memory in use",
}


def to_model_card(head: Finetuned) -> str:
    """Return the page; every text that comes from data is escaped."""
    contents, facts = head.contents, head.data
    many = len(contents.labels) - _MOST_LABELS
    filled = {
        "front": yaml.safe_dump(_front(head), sort_keys=False, allow_unicode=True, width=10_000),
        "name": clean(head.name),
        "base": {"text": contents.card.name, "link": _link(head)},
        "technique": contents.technique,
        "task": clean(head.task),
        "what": _what(head),
        "description": clean(head.description),
        "metric": metric_label(head.metric),
        "test": _estimate(head.test),
        "test_rows": f"{facts.test:,}",
        "snippet": snippet(head),
        "prompt": "" if library(head) == "sentence-transformers" else contents.card.options.prompt or "",
        "predict": clean(head.predict),
        "intended": f"{_things(head)} like the rows below, to be {_use(head)}.",
        "limits": tuple(_limits(head)),
        "labels": ", ".join(clean(name) for name in contents.labels[:_MOST_LABELS]) + (f" and {many} more" if many > 0 else ""),
        "data": _data(head),
        "scores": _scores(head),
        "recipe": [Fact(label=key.replace("_", " "), text=_setting(value)) for key, value in contents.recipe.items()],
        "costs": [_cost(found) for found in head.measurements if found.name in _LABELS],
        "notes": tuple(clean(note) for note in head.notes),
        "license": f"The base model's license is {head.license.name}.",
        "permits": head.license.permits,
        "obliges": head.license.obliges,
        "data_license": head.data_license,
        "run": head.run,
        "command": clean(head.command),
    }
    return templates.environment(escape_html=False).get_template("model_card.md.j2").render(c=filled)


def _front(head: Finetuned) -> dict[str, object]:
    """Return what the Hub reads: https://huggingface.co/docs/hub/model-cards."""
    card, name = head.contents.card, head.license.name
    front: dict[str, object] = {"license": name.lower() if name.lower() in _HUB_LICENSES else "other"}
    if front["license"] == "other":
        front["license_name"] = name
    if card.is_hub:
        front["base_model"] = card.source
        front["base_model_relation"] = "adapter" if head.contents.form == "adapter" else "finetune"
    if card.languages:
        front["language"] = list(card.languages)
    metric = _HUB_METRICS.get(head.metric, head.metric.removeprefix("evaluate:"))
    value = {"type": metric, "name": metric_label(head.metric), "value": round(head.test.score, 6)}
    rows = {"name": clean(head.task), "type": clean(head.task), "split": "test"}
    result = {"task": {"type": pipeline_kind(head.contents)}, "dataset": rows, "metrics": [value]}
    return front | {
        "library_name": library(head),
        "pipeline_tag": pipeline_kind(head.contents),
        "tags": [head.contents.technique, "bench"],
        "metrics": [metric],
        "model-index": [{"name": clean(head.name), "results": [result]}],
    }


def _link(head: Finetuned) -> str:
    card = head.contents.card
    return f"https://huggingface.co/{card.source}" + (f"/tree/{card.revision}" if card.revision else "") if card.is_hub else ""


def _things(head: Finetuned) -> str:
    own = {"tags": "sentences", "text": "prompts", "documents": "queries"}.get(head.contents.target)
    if own:
        return own
    return "pictures" if head.contents.is_image else "pairs of texts" if head.contents.pair else "texts"


def _what(head: Finetuned) -> str:
    """Say what is judged, and into what or by what."""
    if head.contents.target == "documents":
        return "queries and documents as vectors, by which documents are found"
    if head.contents.target in {"number", "text"}:
        return f"{_things(head)} by a number" if head.contents.target == "number" else "texts that are written after prompts"
    many = len(head.contents.labels)
    if head.contents.target == "tags":
        return f"{_things(head)} for entities of {many} types"
    return f"{_things(head)} into {many} classes" if head.contents.target == "class" else f"{_things(head)} by {many} labels"


def _use(head: Finetuned) -> str:
    contents = head.contents
    if contents.target in {"number", "text"}:
        put = ', put as "writing" in bench.json has it' if contents.target == "text" else ""
        return f"given a {contents.target} each{put}"
    many = len(contents.labels)
    if contents.target == "documents":
        return "put to documents by the cosine of their vectors"
    if contents.target == "tags":
        return f"searched for entities of {many} types"
    return f"sorted into their {many} classes" if contents.target == "class" else f"given any of their {many} labels"


def _limits(head: Finetuned) -> Iterator[str]:
    things = _things(head)
    if head.contents.target == "class":
        yield f"It gives one of its classes to everything: also to {things} that belong to none of them."
    yield from _of_target(head)
    if head.contents.target in _OWN_LIMITS:
        yield _OWN_LIMITS[head.contents.target]
    elif head.contents.target != "number":
        yield "Its probabilities were not calibrated; a probability of 0.9 need not be right nine times in ten."
    elif head.data.values is not None:
        least, _, most = head.data.values
        yield f"It learned from values of {least:.6g} to {most:.6g}; it can give others, and then guesses."
    yield f"It was tested on rows of one source; on {things} of another kind or time it can be worse."
    if not head.contents.is_image:
        languages = ", ".join(head.contents.card.languages) or "not stated"
        yield f"Languages of the base model: {languages}. Others were not tested."
    if head.contents.labels and head.data.smallest_class < 20:
        smallest, rows = ("type", "entities") if head.contents.target == "tags" else ("class", "rows")
        yield f"The smallest {smallest} has {head.data.smallest_class} {rows}; little can be said of how well it is found."
    if head.contents.card.pretraining.contains:
        yield f"The base model may have seen these data before: {', '.join(map(clean, head.contents.card.pretraining.contains))}."


def _of_target(head: Finetuned) -> Iterator[str]:
    if head.contents.target == "tags":
        yield "A sentence is read as its words with blanks between them, and the first token of each word speaks for it."
    if head.contents.target == "labels":
        yield f"A label is told from a probability of {head.contents.threshold:g} on, which the run chose for all labels together."


def _data(head: Finetuned) -> list[Fact]:
    facts = head.data
    return [
        Fact(label="Source", text=clean(facts.source)),
        Fact(label="Trained on", text=f"{facts.train:,} rows", note="training and validation rows together"),
        Fact(
            label="Tested on",
            text=f"{facts.test:,} rows",
            note="drawn from the same source" if facts.drawn_test else "as the source divides them",
        ),
        _told(head),
        Fact(label="Digest", text=facts.digest[:16], note="of rows, labels and their division"),
        *(Fact(label="Note", text=clean(note)) for note in (*facts.notes, *facts.warnings)),
    ]


def _told(head: Finetuned) -> Fact:
    facts = head.data
    if facts.references is not None:
        return Fact(label="References", text=f"up to {facts.references[1]} a row", note="the first of each was learned from")
    if facts.documents:
        return Fact(label="Documents", text=f"{facts.documents:,}", note="every query searches all of them")
    if facts.values is not None:
        return Fact(
            label="Values", text=f"{facts.values[0]:.6g} to {facts.values[2]:.6g}", note=f"{facts.values[1]:.6g} in the mean"
        )
    name = {"class": "Classes", "tags": "Types of entities"}.get(head.contents.target, "Labels")
    counted = "entities" if head.contents.target == "tags" else "rows"
    note = f"{facts.smallest_class:,} to {facts.largest_class:,} {counted} each"
    return Fact(label=name, text=f"{len(facts.classes)}", note=note)


def _scores(head: Finetuned) -> list[Fact]:
    test = Fact(label="test", text=_estimate(head.test), note="this model, asked once")
    if head.validation is None:
        return [test]
    note = "the same recipe without these rows; they chose it, so it is a little too good"
    return [Fact(label="validation", text=_estimate(head.validation), note=note), test]


def _estimate(found: Estimate) -> str:
    return f"{numbers.score(found.score)} {numbers.interval(found.low, found.high)}"


def _setting(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, float) else clean(str(value))


def _cost(found: Measurement) -> Fact:
    counted = {"trainable_parameters", "parameters"}
    text = (
        numbers.count(found.value)
        if found.name in counted
        else numbers.percent(found.value)
        if found.name == "trainable_share"
        else f"{numbers.significant(found.value)} {found.unit}".strip()
    )
    return Fact(label=_LABELS[found.name], text=text, note=clean(found.conditions))
