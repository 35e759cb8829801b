"""What runs in a worker process where documents are searched: they are embedded or indexed once, and all queries put to them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.corpus import DEPTH
from harness.core.data import Input
from harness.core.measurement import Measurement
from harness.core.trial import Finished, Inapplicable, Trial
from harness.errors import CandidateError
from harness.execute import subject
from harness.execute.searching import SHOWN, embed_role, judge_search, search_needs
from harness.execute.worker import Worker, sample_speed
from harness.measure.flops import count_flops
from harness.measure.memory import PeakMemory
from harness.models.capabilities import CountsSpending, CountsTokens, HasRolePrompts, HasWeights, Role
from harness.models.identity import Source, identify
from harness.store import predictions
from harness.store.cache import cached_features, find_cache
from harness.techniques.catalogue import TECHNIQUES
from harness.techniques.search import Index

Floats = NDArray[np.float32]
_LONGEST = 8
_INDEXING, _PER = "index_s_per_1000_documents", 1000


@dataclass(frozen=True, slots=True)
class _Engine:
    """A way to search: by positions of queries for quality, by texts as a caller does, and what it took to make."""

    find: Callable[[Sequence[int]], object]
    answer: Callable[[Sequence[Input]], object]
    measurements: tuple[Measurement, ...]


class SearchWorker(Worker):
    """One candidate's trials on a retrieval task."""

    def _memory(self) -> Measurement:
        """Measure what loading, the index, and the longest queries one at a time add; embedding the corpus is not part of it."""
        documents, queries = self.job.data.searched.documents, sorted(self._queries, key=len, reverse=True)[:_LONGEST]
        peak = PeakMemory(self.job.device)
        model = subject.load(self.job)
        self.enter("memory")
        if "search" in search_needs(model):
            width = embed_role(model, queries[:1], "query").shape[1]
            # Vectors of the same number and width, whatever they are: those of the documents come from another process.
            index = Index(np.random.default_rng(0).random((len(documents), width), np.float32), self.job.device)
            for query in queries:
                index.search(embed_role(model, [query], "query"), SHOWN)
            held = f"an index of {len(documents)} × {width} float32 in it"
        else:
            model.index(documents)  # type: ignore[attr-defined]
            for query in queries:
                model.search([query], SHOWN)  # type: ignore[attr-defined]
            held = "making the index counted too"
        conditions = f"peak above the process before loading, {held}, {len(queries)} longest queries, {self._conditions()}"
        return Measurement(name="memory_mb", value=peak.added_mb(), unit="MB", better="lower", conditions=conditions)

    def _quality(self) -> None:
        job = self.job
        given: dict[Role, Sequence[str]] = {"query": self._queries, "document": self.job.data.searched.documents}
        self.sources = {role: Source.watch(job.candidate.card, job.folder, texts, is_image=False) for role, texts in given.items()}
        start = time.perf_counter()
        model = subject.load(job)
        load_s = time.perf_counter() - start
        needs = search_needs(model)
        self.enter("embed" if "search" in needs else "index")
        shared = [Measurement(name="load_s", value=load_s, unit="s", better="lower", conditions=self._conditions())]
        shared += self._model_facts(model, needs)
        for trial in job.trials:
            need = TECHNIQUES[trial.technique][0]
            if need in needs:
                self._try(trial, model, shared, self._embed if need == "search" else self._index)
            else:
                self.send(trial, Inapplicable(reason=f"the model cannot {need}"))

    @property
    def _queries(self) -> list[str]:
        return [str(one) for one in self.job.data.rows.inputs]

    def _try(self, trial: Trial, model: object, shared: Sequence[Measurement], prepare: Callable[[object], _Engine]) -> None:
        """Send one technique's record; another technique of the same candidate may still succeed."""
        try:
            engine = prepare(model)
            self.enter(trial.technique)
            kept, measured = judge_search(self.job.data, engine.find, self.job.metric)
            predictions.write(self.job.predictions / f"{trial.key}.parquet", kept)
            costs = self._measure_cost(model, engine.answer)
            speed, notes = self._measure_speed(engine.answer) if trial.timed else ([], ())
            found = (*measured, *speed, *costs, *shared, *engine.measurements)
            self.send(trial, Finished(measurements=found, notes=(*self.notes, *notes)))
        except BaseException as error:  # noqa: BLE001 - the trial boundary, for one technique
            self.send(trial, self._failure(error))

    def _embed(self, model: object) -> _Engine:
        """Search by the model's own vectors."""
        self.enter("embed")
        queries, _ = self._vectors(model, self._queries, "query")
        documents, taken = self._vectors(model, self.job.data.searched.documents, "document")
        if queries.shape[1] != documents.shape[1]:
            what = f"queries have {queries.shape[1]} dimensions, documents {documents.shape[1]}"
            raise CandidateError(what, hint="return vectors of one space for both")
        index = Index(documents, self.job.device)
        size = Measurement(name="index_mb", value=index.size_mb, unit="MB", better="lower", n=len(documents), conditions="float32")
        return _Engine(
            find=lambda rows: index.search(queries[np.asarray(rows, np.int64)], DEPTH),
            answer=lambda texts: index.search(embed_role(model, [str(text) for text in texts], "query"), SHOWN),
            measurements=(taken, size),
        )

    def _vectors(self, model: object, texts: Sequence[str], role: Role) -> tuple[Floats, Measurement]:
        """Return vectors `(n, d)`, those of an earlier run if nothing that they depend on has changed, and how long they take."""
        job = self.job
        source = self.sources[role]
        identity = identify(job.candidate, model, source, dtype=job.trials[0].dtype, device=job.device)
        if identity is not None and isinstance(model, HasRolePrompts):
            settings = {**identity.settings, "role": role, "prompt": model.role_prompt(role)}
            identity = identity.model_copy(update={"settings": settings})
        start, spent = time.perf_counter(), 0.0

        def compute() -> Floats:
            nonlocal spent
            found = embed_role(model, texts, role)
            spent = time.perf_counter() - start
            return found[None]

        found = cached_features(find_cache(os.environ), identity, compute, is_unchanged=source.is_unchanged)
        self.origin = "cached" if found.from_cache else "computed"
        self.notes = (found.note,) if found.note else ()
        if found.from_cache:
            taken = sample_speed(lambda some: embed_role(model, [str(one) for one in some], role), texts, self._conditions())
            taken = taken.model_copy(update={"name": _INDEXING})
        else:
            taken = self._indexing(spent, len(texts))
        # What was kept is checked as what is computed: an entry may be older than the check.
        return subject.check_features(found.features, len(texts))[0], taken

    def _index(self, model: object) -> _Engine:
        """Let the model itself search."""
        self.enter("index")
        start = time.perf_counter()
        model.index(self.job.data.searched.documents)  # type: ignore[attr-defined]
        taken = self._indexing(time.perf_counter() - start, len(self.job.data.searched.documents))
        queries = self._queries

        def search(texts: Sequence[Input], count: int) -> object:
            return model.search([str(text) for text in texts], count)  # type: ignore[attr-defined]

        return _Engine(
            find=lambda rows: search([queries[row] for row in rows], DEPTH),
            answer=lambda texts: search(texts, SHOWN),
            measurements=(taken,),
        )

    def _indexing(self, seconds: float, documents: int) -> Measurement:
        value = _PER * seconds / max(1, documents)
        return Measurement(
            name=_INDEXING, value=value, unit="s", better="lower", n=documents, conditions=f"all documents, {self._conditions()}"
        )

    def _model_facts(self, model: object, needs: set[str]) -> list[Measurement]:
        """Measure what all techniques of a candidate share: first call, operations, size, documents cut off."""
        where, found = self._conditions(), []
        typical = sorted(self._queries, key=len)[len(self._queries) // 2]
        if "search" in needs:
            start = time.perf_counter()
            embed_role(model, [typical], "query")
            first = (time.perf_counter() - start) * 1000
            found.append(Measurement(name="first_call_ms", value=first, unit="ms", better="lower", conditions=f"batch 1, {where}"))
            flops = None if isinstance(model, CountsSpending) else count_flops(lambda: embed_role(model, [typical], "query"))
            if flops:
                found.append(Measurement(name="flops", value=flops, better="lower", conditions="one query of median length"))
        if isinstance(model, HasWeights):
            weights = model.weights()
            found.append(Measurement(name="parameters", value=weights.parameters, better="lower"))
            found.append(Measurement(name="weights_mb", value=weights.nbytes / 2**20, unit="MB", better="lower"))
        if isinstance(model, CountsTokens):
            documents = self.job.data.searched.documents
            share = model.count_truncated(documents) / len(documents)
            found.append(Measurement(name="truncated_share", value=share, better="lower", n=len(documents)))
        return found
