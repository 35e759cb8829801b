"""What runs in a worker process: load one candidate, try it, report each trial. The one place where any exception is caught."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import tqdm
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from harness.core.candidate import Registered
from harness.core.data import Dataset, Input, Rows, are_choices, are_pairs, count_answers, size_of
from harness.core.measurement import Measurement
from harness.core.table import Selected
from harness.core.trial import Failed, Finished, Inapplicable, Origin, Outcome, Record, Skipped, Trial
from harness.errors import BenchError
from harness.execute import subject
from harness.execute.asking_pass import Interview
from harness.execute.facts import measure_facts
from harness.execute.job import Job
from harness.execute.machine import describe
from harness.execute.quality_pass import Judged, judge, time_contender
from harness.execute.spending import measure_cost, note_silent, spent_by
from harness.execute.uplink import Uplink
from harness.measure.busy import Neighbors
from harness.measure.memory import PeakMemory
from harness.measure.transferability import h_score, log_me
from harness.models.adapters import adapter_modules
from harness.models.capabilities import Lesson
from harness.models.identity import Source, identify
from harness.store import predictions
from harness.store.cache import cached_features, find_cache
from harness.techniques.catalogue import TECHNIQUES, create
from harness.techniques.inputs import Inputs
from harness.techniques.tuning import DoesNotApply

_LONGEST = 8
_SAMPLED_FIRST, _SAMPLED_S = 64, 1.5
_TIMED_ROWS = 64
_MERGED = "its adapter was merged into the weights before it was timed, as whoever serves it does"
# By one of these a model is used that does not embed.
_WHOLE = ("fit", "few-shot", "entailment")


def main(job: Job, messages: Uplink) -> None:
    """Run a job and send its records up the pipe."""
    settle(job.candidate)
    _make(job, messages).run()
    messages.close()


def _make(job: Job, messages: Uplink) -> Worker:
    if job.data.rows.target == "captions":
        from harness.execute.caption_worker import CaptionWorker  # noqa: PLC0415 - it is a worker itself

        return CaptionWorker(job, messages)
    if job.data.corpus is not None:
        from harness.execute.search_worker import SearchWorker  # noqa: PLC0415 - it is a worker itself

        return SearchWorker(job, messages)
    if job.data.writing is not None:
        from harness.execute.writing_worker import WritingWorker  # noqa: PLC0415 - as above

        return WritingWorker(job, messages)
    return Worker(job, messages)


def settle(candidate: Registered) -> None:
    """Make a new process fit to work for a candidate: its library is imported, fetches nothing, and shares the cores well."""
    # A worker draws no bars, and the lock that bars share between processes would outlive it.
    tqdm.tqdm.set_lock(threading.RLock())
    # Two pools of threads on the same cores wait for each other; torch keeps its own, numpy's is held to one thread.
    ThreadpoolController().select(internal_api="openblas").limit(limits=1)
    if not candidate.is_plugin:
        # A server that was started for others may lack it; importing it must count neither as loading nor as memory.
        for module in adapter_modules(candidate.card):
            importlib.import_module(module)
        _stay_offline()


def _stay_offline() -> None:
    """Let a library fetch nothing: all that a card names was located before, and a download must not count as loading."""
    hub = sys.modules.get("huggingface_hub")
    if hub is not None:
        hub.constants.HF_HUB_OFFLINE = True


class Worker:
    """One candidate's trials, one after the other, with the present stage known at every moment."""

    def __init__(self, job: Job, messages: Uplink) -> None:
        """Take a job and the way up."""
        self.job = job
        self.messages = messages
        self.stage = "load"
        self.origin: Origin = ""
        self.notes: tuple[str, ...] = ()
        self.embedded: tuple[Measurement, ...] = ()
        self.interview: Interview | None = None
        self.started = time.time()
        self.machine = describe(job.device)

    def run(self) -> None:
        """Send one record for every trial, whatever happens."""
        self.enter("load")
        try:
            if self.job.trials[0].measures == "memory":
                self.send(self.job.trials[0], Finished(measurements=(self._memory(),)))
            elif self.job.trials[0].measures == "training":
                self._training(self.job.trials[0])
            else:
                self._quality()
        except BaseException as error:  # noqa: BLE001 - the trial boundary: a candidate may raise anything
            for trial in self.job.trials:
                self.send(trial, _excuse(error) or self._failure(error))

    def enter(self, stage: str) -> None:
        """Say what is being done now."""
        self.stage = stage
        self.messages.send("stage", stage)

    def send(self, trial: Trial, outcome: Outcome) -> None:
        """Send a trial's record; the time counts from the last one."""
        record = Record(
            trial=trial,
            outcome=outcome,
            started=datetime.fromtimestamp(self.started, UTC).isoformat(timespec="seconds"),
            seconds=round(time.time() - self.started, 3),
            machine=self.machine,
            features=self.origin,
        )
        self.messages.send("record", record.model_dump_json())
        self.started = time.time()

    def _failure(self, error: BaseException) -> Failed:
        traceback.print_exception(error)
        return _explain(error, self.stage, self.job.log.name)

    def _memory(self) -> Measurement:
        """Measure what loading and answering adds, on the longest rows one at a time; a model that fits is fitted first."""
        rows, truth = self.job.data.rows, self.job.data.rows.truth()
        peak = PeakMemory(self.job.device)
        model = subject.load(self.job)
        self.enter("memory")
        needs = _needs(model, self.job)
        longest = sorted(range(len(rows)), key=lambda i: -size_of(rows.inputs[i]))[:_LONGEST]
        technique = self.job.trials[0].technique or next((name for name in _WHOLE if TECHNIQUES[name][0] in needs), "")
        if needs & {"embed", "compare"} and not self.job.trials[0].technique:
            for i in longest:
                subject.read(model, rows.inputs[i], needs, is_image=self.job.is_image)
        else:
            rest = np.asarray(self.job.data.split.rest)
            raw = _raw(self.job, model) if technique == "fit" else self._interviewed(model).inputs(rows.inputs)
            head = create(technique, rows.target).fit(raw, rest, truth[rest], rows.outputs)
            for i in longest:
                head.predict(raw, np.asarray([i]))
        conditions = f"peak above the process before loading, batch 1, {len(longest)} longest rows, {self._conditions()}"
        return Measurement(name="memory_mb", value=peak.added_mb(), unit="MB", better="lower", conditions=conditions)

    def _training(self, trial: Trial) -> None:
        """Train one contender; imported here, because nothing else needs the libraries that training does."""
        from harness.execute.training_pass import train_contender  # noqa: PLC0415 - as above

        try:
            done = train_contender(self.job, trial, self.enter)
        except DoesNotApply as error:
            self.send(trial, Inapplicable(reason=error.what))
            return
        merged = (_MERGED,) if trial.timed and done.merge() else ()
        speed, notes = self._measure_speed(done.answer) if trial.timed else ([], ())
        notes, finished = (*merged, *notes), done.finished
        found = {"measurements": (*finished.measurements, *speed), "notes": (*finished.notes, *notes)}
        self.send(trial, finished.model_copy(update=found))

    def _quality(self) -> None:
        job, inputs = self.job, self.job.data.rows.inputs
        source = Source.watch(job.candidate.card, job.folder, inputs, is_image=job.is_image)
        start = time.perf_counter()
        model = subject.load(job)
        load_s = time.perf_counter() - start
        needs = _needs(model, self.job)
        self.enter("embed" if "embed" in needs else "read")
        shared = measure_facts(model, job, needs, load_s=load_s, where=self._conditions())
        features = raw = Inputs(np.empty((0, 0, 0), np.float32))
        if "embed" in needs:
            features = Inputs.of_layers(self._features(model, source), inputs)
            self.enter("transfer scores")
            shared += [*self.embedded, *_transfer_scores(features, job.data)]
        if "fit" in needs:
            raw = _raw(job, model)
        for trial in job.trials:
            need = TECHNIQUES[trial.technique][0]
            if need in needs:
                self._try_technique(trial, raw if need == "fit" else features, model, shared)
            else:
                self.send(trial, Inapplicable(reason=f"the model cannot {need}"))

    def _interviewed(self, model: object) -> Interview:
        """Return the model that is asked, loaded whole when it first is."""
        if self.interview is None:
            self.enter("load the whole model")
            self.interview = Interview(model, self.job.data, self._conditions())
        return self.interview

    def _features(self, model: object, source: Source) -> NDArray[np.float32]:
        """Return the features of all rows: those of an earlier run if nothing that they depend on has changed."""
        job = self.job
        identity = identify(job.candidate, model, source, dtype=job.trials[0].dtype, device=job.device)

        def compute() -> NDArray[np.float32]:
            start = time.perf_counter()
            found = subject.embed(model, source.inputs, is_image=job.is_image)
            self.embedded = (_embedding_time(time.perf_counter() - start, len(source.inputs), self._conditions()),)
            return found

        found = cached_features(find_cache(os.environ), identity, compute, is_unchanged=source.is_unchanged)
        self.origin = "cached" if found.from_cache else "computed"
        self.notes = (found.note,) if found.note else ()
        if found.from_cache and job.trains:
            self.embedded = (
                sample_speed(lambda rows: subject.embed(model, rows, is_image=job.is_image), source.inputs, self._conditions()),
            )
        # What was kept is checked as what is computed: an entry may be older than the check.
        features = subject.check_features(found.features, count_answers(source.inputs))
        if job.data.rows.target == "tags":
            self.notes += _note_unread(features)
        return features

    def _try_technique(self, trial: Trial, inputs: Inputs, model: object, shared: Sequence[Measurement]) -> None:
        """Send one technique's record; another technique of the same candidate may still succeed."""
        need, job, before = TECHNIQUES[trial.technique][0], self.job, spent_by(model)
        try:
            if need in {"match", "compare"}:
                self.enter("embed texts to compare with")
                inputs = _with_texts(need, model, inputs, job)
            if need in {"ask", "entail"}:
                inputs = self._interviewed(model).inputs(job.data.rows.inputs)
            self.enter(trial.technique)
            technique = create(trial.technique, job.data.rows.target)
            judged = judge(technique, inputs, job.data, metric_name=job.metric, seed=trial.seed, trust=job.trust)
            predictions.write(self.job.predictions / f"{trial.key}.parquet", judged.predictions)
            shared = self._interviewed(model).facts(judged.head, shared) if need in {"ask", "entail"} else shared
            answer = self._answer(trial, judged, inputs, model)
            costs = self._measure_cost(model, answer)
            speed, notes = self._measure_speed(answer) if trial.timed else ([], ())
            found, notes = (*judged.measurements, *speed, *costs, *shared), (*notes, *note_silent(model, before))
            self.send(trial, Finished(measurements=found, recipe=dict(judged.recipe), notes=(*self.notes, *notes)))
        except DoesNotApply as error:
            self.send(trial, Inapplicable(reason=error.what))
        except BaseException as error:  # noqa: BLE001 - the trial boundary, for one technique
            self.send(trial, self._failure(error))

    def _answer(self, trial: Trial, judged: Judged, inputs: Inputs, model: object) -> Callable[[Sequence[Input]], object]:
        """Return what answers encoded rows: a contender whose head was fitted on features or raw rows, or asks."""
        need, job = TECHNIQUES[trial.technique][0], self.job

        def answer(encoded: Sequence[Input]) -> object:
            everything = np.arange(len(encoded))
            if need == "compare":
                return judged.head.predict(Inputs((), encoded, sides=subject.embed_sides(model, encoded)), everything)
            if need in {"embed", "match"}:
                layers = subject.embed(model, encoded, is_image=job.is_image)
                return judged.head.predict(Inputs.of_layers(layers, encoded), everything)
            return judged.head.predict(replace(inputs, raw=subject.read_inputs(encoded, is_image=job.is_image)), everything)

        return answer

    def _measure_cost(self, model: object, answer: Callable[[Sequence[Input]], object]) -> list[Measurement]:
        """Measure what rows of the task cost where the model's server is paid."""
        timed = _to_time(self.job.data)
        return measure_cost(self.job.candidate.card, model, lambda rows: answer([timed.inputs[i] for i in rows]), len(timed))

    def _measure_speed(self, answer: Callable[[Sequence[Input]], object]) -> tuple[list[Measurement], tuple[str, ...]]:
        """Measure how fast encoded rows of the task are answered, and note who else used the processors meanwhile."""
        self.enter("latency")
        timed = _to_time(self.job.data)
        neighbors = Neighbors()
        conditions = f"batch 1, {self._conditions()}"
        speed = time_contender(lambda rows: answer([timed.inputs[i] for i in rows]), len(timed), conditions)
        busy = neighbors.busiest()
        return speed, (f"the machine was busy while latency was measured ({busy} used over 20 % of a core)",) if busy else ()

    def _conditions(self) -> str:
        card = self.job.candidate.card
        if card.remote is not None:
            return f"network included, {card.remote.pace}, {card.host}"
        return f"{self.machine['threads']} threads, {self.job.trials[0].dtype}, {self.job.device}"


def _to_time(data: Dataset) -> Rows:
    """Return the rows by which a contender's speed and cost are measured."""
    rest = data.split.rest
    return data.rows.take(rest[:: max(1, len(rest) // _TIMED_ROWS)][:_TIMED_ROWS])


def _raw(job: Job, model: object) -> Inputs:
    """Return the rows themselves, for a model that fits."""
    rows = subject.read_inputs(job.data.rows.inputs, is_image=job.is_image)
    return Inputs(np.empty((0, 0, 0), np.float32), rows, model, names=job.data.rows.names)  # type: ignore[arg-type]


def _needs(model: object, job: Job) -> set[str]:
    rows = job.data.rows
    lesson: Lesson = "option" if are_choices(rows.inputs) else rows.target
    told = bool(job.data.hypotheses)
    return subject.needs_met(model, is_image=job.is_image, is_pair=are_pairs(rows.inputs), target=lesson, has_hypotheses=told)


def _note_unread(features: NDArray[np.float32]) -> tuple[str, ...]:
    """Say how many words have no features, and so are told to be no part of an entity."""
    unread = int((~features.any((0, 2))).sum())
    what = f"truncated: {unread:,} of {features.shape[1]:,} words are not read, being beyond the model's length or without a token"
    return (f"{what}; they are told to be no part of an entity",) if unread else ()


def _with_texts(need: str, model: object, features: Inputs, job: Job) -> Inputs:
    """Return the features with the vectors of the words for the classes, or of both texts of every pair."""
    if need == "compare":
        return replace(features, raw=job.data.rows.inputs, sides=subject.embed_sides(model, job.data.rows.inputs))
    width = features.output.shape[1]
    return replace(features, prompts=subject.embed_prompts(model, job.data.phrases, width, is_image=job.is_image))


def _excuse(error: BaseException) -> Outcome | None:
    """Return what comes of trials that an error ends where that is no fault of the candidate's."""
    if isinstance(error, subject.OtherRows):
        return Skipped(reason=error.what)
    return Inapplicable(reason=error.what) if isinstance(error, DoesNotApply) else None


def _explain(error: BaseException, stage: str, log: str) -> Failed:
    if isinstance(error, BenchError):
        return Failed(stage=stage, error=_writable(error.what), hint=_writable(error.hint))
    text = next(iter(str(error).splitlines()), "")
    where = traceback.extract_tb(error.__traceback__)[-1]
    hint = f"raised in {os.path.basename(where.filename)}, line {where.lineno}; the whole traceback is in {log}"  # noqa: PTH119
    return Failed(stage=stage, error=_writable(f"{type(error).__name__}: {text}"), hint=_writable(hint))


def _transfer_scores(features: Inputs, data: Dataset) -> list[Measurement]:
    """Score the features of the rows that are not test, averaged over layers."""
    rest = np.asarray(data.split.rest)
    labels, outputs = data.rows.truth()[rest], data.rows.outputs
    if data.rows.target == "tags":
        rest, labels = data.rows.places(rest), np.concatenate(labels)
    mean = Selected(features.features[-1], rest)
    scores = {"logme": log_me(mean, labels, outputs)}
    if data.rows.target == "class":
        scores["h_score"] = h_score(mean, labels, outputs)
    conditions = "mean over layers" if features.views > 1 else "last layer"
    return [
        Measurement(name=name, value=value, better="higher", n=len(rest), conditions=conditions) for name, value in scores.items()
    ]


def sample_speed(embed: Callable[[Sequence[Input]], object], inputs: Sequence[Input], conditions: str) -> Measurement:
    """Embed some of the rows again, where all were kept: more each time until that takes a while; the last time counts."""
    size = _SAMPLED_FIRST
    while True:
        rows = inputs[:: max(1, len(inputs) // size)][:size]
        start = time.perf_counter()
        embed(rows)
        seconds = time.perf_counter() - start
        if seconds > _SAMPLED_S or size >= len(inputs):
            return _embedding_time(seconds, len(rows), f"{len(rows)} rows, {conditions}")
        size *= 2


def _embedding_time(seconds: float, rows: int, conditions: str) -> Measurement:
    speed = 1000 * seconds / max(1, rows)
    return Measurement(name="embed_s_per_1000_rows", value=speed, unit="s", better="lower", conditions=conditions)


def _writable(text: str, most: int = 500) -> str:
    """Cut a text, and write half a surrogate pair, which no file can hold, as its number."""
    return text[:most].encode("utf-8", "backslashreplace").decode()
