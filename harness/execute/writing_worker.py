"""What runs in a worker process where texts are written: for many rows at once, then for one at a time by the clock."""

from __future__ import annotations

import time
from collections.abc import Sequence

from harness.core.data import Input, size_of
from harness.core.measurement import Measurement
from harness.core.trial import Finished, Inapplicable, Trial
from harness.core.writing import Writing
from harness.execute import subject
from harness.execute.spending import note_silent, spent_by
from harness.execute.worker import Worker
from harness.execute.writing import Written, judge_writing, writing_needs
from harness.measure.flops import count_flops
from harness.measure.memory import PeakMemory
from harness.models.capabilities import CountsSpending, HasWeights, KnowsContext, LoadsLater
from harness.store import predictions
from harness.techniques.catalogue import TECHNIQUES
from harness.techniques.tuning import DoesNotApply
from harness.techniques.writing import Author, Scribe, fit_author

_LONGEST = 8


class WritingWorker(Worker):
    """One candidate's trials on a task in which texts are written."""

    @property
    def writing(self) -> Writing:
        """Return what is to be written."""
        writing = self.job.data.writing
        if writing is None:
            msg = "nothing is to be written"
            raise ValueError(msg)
        return writing

    def _memory(self) -> Measurement:
        """Measure what loading and writing adds, for the rows with the longest prompts one at a time; who fits is fitted first."""
        prompts = self.writing.prompts
        longest = sorted(range(len(prompts)), key=lambda row: -len(prompts[row]))[:_LONGEST]
        peak = PeakMemory(self.job.device)
        model, _ = self._load()
        self.enter("memory")
        technique = self.job.trials[0].technique or ("fit" if "fit" in writing_needs(model) else "prompted")
        author = self._fit(technique, model, self.job.data.split.rest)
        for row in longest:
            author.write([row])
        conditions = f"peak above the process before loading, batch 1, {len(longest)} longest rows, {self._conditions()}"
        return Measurement(name="memory_mb", value=peak.added_mb(), unit="MB", better="lower", conditions=conditions)

    def _quality(self) -> None:
        model, load_s = self._load()
        needs = writing_needs(model)
        shared = [Measurement(name="load_s", value=load_s, unit="s", better="lower", conditions=self._conditions())]
        if isinstance(model, HasWeights):
            weights = model.weights()
            shared.append(Measurement(name="parameters", value=weights.parameters, better="lower"))
            shared.append(Measurement(name="weights_mb", value=weights.nbytes / 2**20, unit="MB", better="lower"))
        shared += self._first_call(model) if "ask" in needs else []
        for trial in self.job.trials:
            need = TECHNIQUES[trial.technique][0]
            if need in needs:
                self._try(trial, model, shared)
            else:
                self.send(trial, Inapplicable(reason=f"the model cannot {need}"))

    def _load(self) -> tuple[object, float]:
        """Load the model whole; where that is done in two steps, the time counts that the whole takes."""
        start = time.perf_counter()
        model = subject.load(self.job)
        if isinstance(model, LoadsLater):
            self.enter("load the language model")
            start = time.perf_counter()
            model.load_whole()
        return model, time.perf_counter() - start

    def _fit(self, technique: str, model: object, rows: Sequence[int]) -> Author:
        return fit_author(technique, model, self.job.data, rows)

    def _try(self, trial: Trial, model: object, shared: Sequence[Measurement]) -> None:
        """Send one technique's record; another technique of the same candidate may still succeed."""
        before = spent_by(model)
        try:
            self.enter(trial.technique)
            written = judge_writing(
                self.job.data,
                self.writing,
                lambda rows: self._fit(trial.technique, model, rows),
                learns=trial.technique != "prompted",
                metric=self.job.metric,
            )
            predictions.write(self.job.predictions / f"{trial.key}.parquet", written.predictions)
            facts = self._facts(model, written)
            places = {content: row for row, content in enumerate(self.job.data.rows.inputs)}
            author = written.author

            def answer(some: Sequence[Input]) -> object:
                return author.write([places[one] for one in some])

            costs = self._measure_cost(model, answer)
            speed, notes = self._measure_speed(answer) if trial.timed else ([], ())
            found = (*written.measurements, *speed, *costs, *shared, *facts)
            self.send(
                trial,
                Finished(measurements=found, recipe=dict(author.recipe), notes=(*self.notes, *notes, *note_silent(model, before))),
            )
        except DoesNotApply as error:
            self.send(trial, Inapplicable(reason=error.what))
        except BaseException as error:  # noqa: BLE001 - the trial boundary, for one technique
            self.send(trial, self._failure(error))

    def _first_call(self, model: object) -> list[Measurement]:
        """Return how long the first text takes, before any warm-up."""
        self.enter("first call")
        author = self._fit("prompted", model, ())
        start = time.perf_counter()
        author.write([self._typical])
        taken = (time.perf_counter() - start) * 1000
        return [
            Measurement(name="first_call_ms", value=taken, unit="ms", better="lower", conditions=f"batch 1, {self._conditions()}")
        ]

    @property
    def _typical(self) -> int:
        """Return the row of median length."""
        inputs = self.job.data.rows.inputs
        return sorted(range(len(inputs)), key=lambda row: size_of(inputs[row]))[len(inputs) // 2]

    def _facts(self, model: object, written: Written) -> list[Measurement]:
        """Return what holds of a technique's prompts and of what it wrote: operations, rows cut off, tokens a second."""
        author, found, rows = written.author, [], len(self.job.data.rows)
        # Of a server none of it is known: its tokens are estimated.
        if not isinstance(author, Scribe) or isinstance(model, CountsSpending):
            return []
        flops = count_flops(lambda: author.write([self._typical]))
        if flops:
            found.append(Measurement(name="flops", value=flops, better="lower", conditions="one row of median length"))
        cut = author.count_cut(range(rows))
        if cut is not None:
            found.append(Measurement(name="truncated_share", value=cut / rows, better="lower", n=rows))
        if isinstance(model, KnowsContext):
            tokens = int(model.count_tokens(written.texts).sum())
            speed, where = tokens / written.seconds, f"many rows at once, {self._conditions()}"
            found.append(
                Measurement(name="tokens_per_s", value=speed, unit="tokens/s", better="higher", n=tokens, conditions=where)
            )
        return found

    def _conditions(self) -> str:
        return f"{super()._conditions()}, at most {self.writing.limit} tokens"
