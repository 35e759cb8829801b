"""The last training: on every row but those of the test, which are predicted once; the folder is written and read back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray

from harness.core.corpus import DEPTH
from harness.core.data import Dataset, Input, are_pairs, count_answers
from harness.core.finetuned import Contents, Made
from harness.core.kinds import TALLIED
from harness.core.measurement import Better, Measurement
from harness.core.metric_facts import is_own
from harness.core.ranking import Estimate
from harness.core.resample import resamples
from harness.core.tally import score
from harness.core.trial import Fidelity
from harness.errors import CandidateError
from harness.execute import subject
from harness.execute.answering import open_answer, write_probe
from harness.execute.assignment import Training
from harness.measure import quality
from harness.measure.decisions import decide
from harness.measure.memory import PeakMemory
from harness.measure.relevance import judge_lists
from harness.measure.writing import judge_texts
from harness.models.adapters import load_model, load_trainable
from harness.models.batches import release
from harness.models.torch_module import count_weights
from harness.models.trainable import Aim, Trainable
from harness.rank.bootstrap import Reference, draw_scores
from harness.rank.statistics import estimate
from harness.techniques import pairs
from harness.techniques.catalogue import create_tuning
from harness.techniques.inputs import Inputs
from harness.techniques.linear_probe import LinearProbe
from harness.techniques.search import Index
from harness.techniques.tag_probe import TagProbe
from harness.techniques.tuning import Lesson
from harness.techniques.writing import check_texts
from harness.training.contrast import begin_session
from harness.training.recipes import recipes
from harness.training.session import Plan, Session, save_model
from harness.training.writing import lesson_of, pairs_of, turn_of

if TYPE_CHECKING:
    from harness.models.transformers_searcher import TextSearcher
    from harness.models.transformers_writer import TextWriter

Floats = NDArray[np.float32]
Tell = Callable[[str], None]

_LOOKED_AT = 32
_TOLERANCE = 1e-3
_MIB = 2**20


@dataclass(slots=True)
class _Learned:
    """Probabilities of the test rows `(n, classes)`, what training cost, the recipe that was used, and what stood before texts.

    Where texts are written they are losses `(n, 1)`, where documents are found vectors `(n, d)`; then each test row has `figures`.
    """

    test: Floats
    recipe: dict[str, str | int | float]
    costs: list[Measurement] = field(default_factory=list)
    prompt: str = ""
    figures: NDArray[np.float64] | None = None


def finetune(order: Training, tell: Tell) -> Made:
    """Train, predict the test rows, write the folder, and see that it answers as what was trained.

    Raises:
        CandidateError: training diverged, memory did not suffice, or the written folder answers otherwise.
    """
    peak = PeakMemory(order.place.device)
    learned = _fit_probe(order, tell) if order.contents.form == "probe" else _train(order, tell)
    lower: Better = "lower"
    conditions = f"peak above the process before loading, {order.place.device}"
    memory = Measurement(name="training_memory_mb", value=peak.added_mb(), unit="MB", better=lower, conditions=conditions)
    stored = sum(path.stat().st_size for path in order.place.folder.rglob("*.safetensors")) / _MIB
    kept = Measurement(name="stored_mb", value=stored, unit="MB", better=lower, conditions="weights in the folder")
    release()
    tell("reading back what was written")
    order = replace(order, contents=order.contents.prompted(learned.prompt))
    _read_back(order, learned.test)
    tell("scores")
    return Made(
        test=_score(order, learned.test) if learned.figures is None else _score_figures(order, learned.figures),
        measurements=(*learned.costs, memory, kept),
        recipe=learned.recipe,
        prompt=learned.prompt,
    )


def _train(order: Training, tell: Tell) -> _Learned:
    data, place, contents = order.data, order.place, order.contents
    torch.manual_seed(order.seed)
    tell("loading")
    card = contents.card.reading(is_image=contents.is_image)
    names, target = contents.names, contents.target
    # What an earlier version tried is trained as it was: it read no vectors and smoothed nothing.
    known = contents.recipe
    aim = Aim(names, target, by_library=are_pairs(data.rows.inputs) or bool(known and "pooling" not in known))
    trainable = load_trainable(card, place.base, place.device, place.trust, aim=aim)
    rest = data.split.rest
    parameters = count_weights(trainable.module).parameters
    recipe = dict(recipes(contents.technique, parameters, len(rest), target)[0])
    if known:
        recipe.pop("label_smoothing", None)
    recipe |= known
    until = order.fidelity or Fidelity(epochs=float(recipe["epochs"]), of=float(recipe["epochs"]))
    plan = Plan(recipe, until.of, order.seed, place.device)
    session = begin_session(trainable, create_tuning(contents.technique), _lesson(data, len(names)), plan)

    def at_epoch() -> bool:
        tell(f"{session.epoch:.0f} of {until.epochs:g} epochs trained")
        return False

    tell(f"training on {len(rest)} rows")
    session.advance(until.epochs, at_epoch)
    tell("test rows")
    test = session.predict(_inputs(data, data.split.test))
    figures = _judge(trainable, data, place.device)
    tell("writing")
    save_model(session, place.folder, names)
    reached: dict[str, str | int | float] = {
        "batch_size": session.batch,
        "epochs": until.of,
        "epochs_reached": round(session.epoch, 4),
    }
    reached |= {"limit": data.writing.limit, **turn_of(trainable)} if data.writing is not None else {}
    used = {**recipe, **reached, **session.settings, **_threshold(contents)}
    return _Learned(test, used, _costs(session, parameters, place.device), getattr(trainable, "prompt", ""), figures)


def _inputs(data: Dataset, rows: Sequence[int] | NDArray[np.int64]) -> list[Input]:
    """Return rows as a model gets them that is trained."""
    return pairs_of(data, np.asarray(rows)) if data.writing is not None else [data.rows.inputs[i] for i in rows]


def _lesson(data: Dataset, outputs: int) -> Lesson:
    """Return all rows but those of the test, to be learned from."""
    rest = np.asarray(data.split.rest)
    if data.corpus is not None:
        return pairs.lesson_of(data, data.split.rest)
    return lesson_of(data, rest) if data.writing is not None else Lesson(_inputs(data, rest), data.rows.truth()[rest], outputs)


def _judge(trainable: Trainable, data: Dataset, device: str) -> NDArray[np.float64] | None:
    """Return the figures of what a trained model writes or finds for each test row, None where something is told of it."""
    test = data.split.test
    if data.corpus is not None:
        searcher = cast("TextSearcher", trainable)
        index = Index(searcher.embed(data.corpus.documents, "document"), device)
        found = index.search(searcher.embed([str(data.rows.inputs[row]) for row in test], "query"), DEPTH)
        return judge_lists(found, data.corpus.of(test))
    if data.writing is None:
        return None
    writing, writer = data.writing, cast("TextWriter", trainable)
    prompts = [writing.opening + writing.prompts[row] for row in test]
    texts = check_texts(writer.write(prompts, writing.limit, writing.stop), len(prompts))
    return judge_texts(texts, writing.of(test), writing.pattern)


def _threshold(contents: Contents) -> dict[str, float]:
    """Return the threshold of labels that the run chose, which stays: no rows are left to choose another one on."""
    return {"threshold": contents.threshold} if contents.target == "labels" else {}


def _costs(session: Session, parameters: int, device: str) -> list[Measurement]:
    better: Better = "lower"
    trained = session.trained_parameters
    return [
        Measurement(name="training_s", value=session.progress.seconds, unit="s", better=better, conditions=f"steps only, {device}"),
        Measurement(name="trainable_parameters", value=trained, better=better),
        Measurement(name="trainable_share", value=trained / parameters, better=better),
    ]


def _fit_probe(order: Training, tell: Tell) -> _Learned:
    data, place, contents = order.data, order.place, order.contents
    tell("loading")
    model = load_model(contents.card.reading(is_image=contents.is_image), place.base, place.device, place.trust)
    tell("embedding")
    features = Inputs.of_layers(subject.embed(model, data.rows.inputs, is_image=contents.is_image), data.rows.inputs)
    rest, truth = np.asarray(data.split.rest), data.rows.truth()
    tell("fitting the probe")
    probe = TagProbe() if contents.target == "tags" else LinearProbe()
    head = probe.fit(features, rest, truth[rest], len(contents.names))
    write_probe(head, place.folder)
    told = head.predict(features, np.asarray(data.split.test, np.int64))
    return _Learned(told, {**head.recipe, **_threshold(contents)}, prompt=getattr(model, "prompt", ""))


def _read_back(order: Training, test: Floats) -> None:
    """Ask the written folder some of the test rows again.

    Raises:
        CandidateError: it answers otherwise than the model that was trained.
    """
    asked = order.data.split.test[:_LOOKED_AT]
    answer = open_answer(order.contents, order.place)
    again = answer(_inputs(order.data, asked))
    gap = float(np.abs(again - test[: len(again)]).max(initial=0))
    if not gap <= _TOLERANCE:
        what = f"the written folder does not answer as the trained model did: probabilities differ by up to {gap:.2g}"
        raise CandidateError(what, hint="name another technique with --technique")


def _score(order: Training, test: Floats) -> Estimate:
    """Return the test score with its interval, as the ranking computes them."""
    rows = order.data.rows.take(order.data.split.test)
    target = rows.target
    words = rows.words(range(len(rows)))
    told = decide(subject.check_shares(test, count_answers(rows.inputs), rows.outputs), target, order.contents.threshold, words)
    right = rows.truth()
    metric = quality.load_metric(order.metric, order.place.trust, target)
    value = quality.compute(metric, right, told)
    known = right if target == "class" else np.zeros(len(rows), np.int64)
    reference = Reference(known, len(rows.classes), rows.groups, target)
    if is_own(order.metric):
        counted = told if target == "class" else quality.tally(target, right, told, len(rows.classes))
        draws = draw_scores(order.metric, reference, [counted], order.seed)[:, 0]
    else:
        draws = quality.sample(metric, right, told, resamples(len(right), rows.groups, order.seed))
        draws = draws[np.isfinite(draws)]
    return estimate(order.metric, value, draws, reference.units) if len(draws) else Estimate(score=value, low=value, high=value)


def _score_figures(order: Training, figures: NDArray[np.float64]) -> Estimate:
    """Return the test score of what was written or found with its interval, as the ranking computes them."""
    test, target = order.data.split.test, order.contents.target
    reference = Reference(np.zeros(len(test), np.int64), 0, order.data.rows.take(test).groups, target)
    draws = draw_scores(order.metric, reference, [figures], order.seed)[:, 0]
    return estimate(order.metric, score(TALLIED[target][order.metric], figures), draws, reference.units)
