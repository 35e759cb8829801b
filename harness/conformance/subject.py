"""One candidate under inspection: how each check is made, and what it answers in another process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.conformance.agenda import AGAIN
from harness.conformance.asking import Asking, alike
from harness.conformance.embedding import Embedding, agree
from harness.conformance.entailing import Entailing, same_verdicts
from harness.conformance.finding import Doubtful, NotApplicable
from harness.conformance.fitting import Fitting, near
from harness.conformance.messages import Abilities
from harness.conformance.probes import Probes, make_choices, make_pairs, make_probes, make_sentences
from harness.conformance.returning import check_files, check_memory, list_files
from harness.conformance.searching import Searching, same
from harness.conformance.writing import Writing, same_texts
from harness.core.candidate import Candidate
from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import CandidateError, Unavailable
from harness.load.candidates import find_doubts
from harness.models.adapters import load_model
from harness.models.capabilities import (
    LEARNING,
    EmbedsImage,
    EmbedsPairs,
    EmbedsText,
    EmbedsTokens,
    Entails,
    FitsTexts,
    Generates,
    HasWeights,
    Lesson,
    LogLikelihood,
    Searches,
)
from harness.models.weights import locate

# By how much the parameters that a card states may differ from those that are loaded.
SIZE_TOLERANCE = 0.1
_FEW = 3
# What is learned from rows of its own form.
_OWN_ROWS: dict[Lesson, Callable[[], Probes]] = {"tags": make_sentences, "option": make_choices}
_METHODS = {"text": "embed_text", "image": "embed_image"}
# What a model that reads texts can do with them, by the name of the method.
_READS: dict[str, type] = {
    "embed_text": EmbedsText,
    "embed_pairs": EmbedsPairs,
    "embed_words": EmbedsTokens,
    "log_likelihood": LogLikelihood,
    "entails": Entails,
    "generate": Generates,
    "search": Searches,
    "fit_texts and write_texts": FitsTexts,
}
Part = Embedding | Asking | Entailing | Fitting | Searching | Writing
_COMPARE: dict[type, Callable[[Any, Any, str, str], str]] = {
    Embedding: agree,
    Asking: alike,
    Entailing: same_verdicts,
    Fitting: near,
    Searching: same,
    Writing: same_texts,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A candidate's card and the way to load its model."""

    card: Card
    load: Callable[[], object]


def of_card(card: Card, trust: Trust, fence: Path | None) -> Subject:
    """Return what a card describes; only weights that are on this machine are read, and of folders only such within `fence`."""

    def load() -> object:
        if card.host:
            raise NotApplicable(f"it runs at {card.host}, and a check sends nothing there; compare with --allow-remote to try it")
        try:
            folder = locate(card, offline=True, trust=trust, root=fence)
        except Unavailable as error:
            fetch = card.is_hub and "--allow" not in error.hint
            hint = f"bring them with: bench candidates fetch {card.name}" if fetch else error.hint
            raise Unavailable(error.what, where=error.where, hint=hint) from error
        return load_model(card, folder, "cpu", trust)

    return Subject(card, load)


def of_plugin(candidate: Candidate) -> Subject:
    """Return what a plugin exports."""
    return Subject(candidate.card, lambda: candidate.load("cpu", "float32"))


class Examination:
    """One candidate on its way through its checks: its model once that is loaded, and what is tried of it at the moment."""

    def __init__(self, subject: Subject, kept: Path, tell: Callable[[Abilities], None]) -> None:
        """Keep in a folder what another process is to answer again; what the model can do is told as soon as it is loaded."""
        self.abilities = Abilities()
        self._subject, self._kept, self._tell = subject, kept, tell
        self._here = Path.cwd()
        self._before = list_files(self._here)
        self._model: Any = None
        self._parts: Iterator[Part] = iter(())
        self._part: Part | None = None

    def look(self, check: str) -> str:
        """Make one check, in the order of the agenda; return what was seen where that is right, and raise otherwise."""
        own: dict[str, Callable[[], str]] = {
            "card": lambda: _check_card(self._subject.card),
            "load": self._load,
            "capability": lambda: _check_capability(self._model, self._subject.card),
            "size": lambda: _check_size(self._model, self._subject.card),
            "memory": lambda: check_memory(self._subject.load, lambda model: _use(model, self._subject)),
            "files": lambda: check_files(self._here, self._before),
            AGAIN: lambda: _compare(self._subject, self._kept),
        }
        return own[check]() if check in own else self._try(check)

    def _load(self) -> str:
        start = time.perf_counter()
        self._model = self._subject.load()
        if self._model is None:
            raise CandidateError("load returns nothing", hint="let `load(device, dtype)` return the model")
        took = time.perf_counter() - start
        parts = _parts(self._model, self._subject)
        self._parts = iter(parts)
        self.abilities = Abilities(tried=tuple(part.ability for part in parts), has_weights=isinstance(self._model, HasWeights))
        self._tell(self.abilities)
        return f"loaded in {took:.1f} s"

    def _try(self, check: str) -> str:
        """Make a check of the ability that is tried, which is the next one where its shape is asked for."""
        if check == "shape":
            self._part = next(self._parts)
        if self._part is None:
            msg = f"{check} before any shape"
            raise RuntimeError(msg)
        look = self._part.checks()[check]
        return self._keep(look, self._part) if check == "shape" else look()

    def _keep(self, look: Callable[[], str], part: Part) -> str:
        """Look, and keep the answer unless something is wrong with it; what is only doubtful is not wrong."""
        path = _file(part, self._subject, self._kept)
        try:
            seen = look()
        except Doubtful:
            np.save(path, part.seen[0], allow_pickle=False)
            raise
        np.save(path, part.seen[0], allow_pickle=False)
        return seen


def _compare(subject: Subject, kept: Path) -> str:
    """Load a candidate again and compare what it answers with what was kept.

    Raises:
        CandidateError: the answers differ, or none were kept.
    """
    hint = "seed what `load` and `fit` draw, and use zlib.crc32 in place of hash(), which differs from process to process"
    seen = ""
    for part in _parts(subject.load(), subject):
        path = _file(part, subject, kept)
        if path.is_file():
            expected, found = np.load(path, allow_pickle=False), _answer(part)
            if found.shape != expected.shape:
                raise CandidateError(f"in another process, the shape is {found.shape} in place of {expected.shape}", hint=hint)
            seen = _COMPARE[type(part)](found, expected, "in another process", hint)
    if not seen:
        raise CandidateError("loaded again, it can do nothing of what it could before", hint=hint)
    return seen


def _parts(model: object, subject: Subject) -> list[Part]:
    """Return what the model can do with each kind of input that its card names."""
    parts: list[Part] = []
    for modality in subject.card.modality:
        probes = make_probes(modality)
        if isinstance(model, EmbedsImage if probes.is_image else EmbedsText):
            parts.append(Embedding(model, probes))
        if modality == "text":
            parts += _of_texts(model, probes)
        for taught, way in LEARNING.items():
            if isinstance(model, way.kind) and (modality == "text" or taught not in _OWN_ROWS):
                parts.append(Fitting(model, subject.load, _OWN_ROWS[taught]() if taught in _OWN_ROWS else probes, taught))
    return parts


def _of_texts(model: object, probes: Probes) -> list[Part]:
    """Return what the model can do with texts beside embedding them."""
    parts: list[Part] = [Embedding(model, make_pairs())] if isinstance(model, EmbedsPairs) else []
    parts += [Embedding(model, make_sentences())] if isinstance(model, EmbedsTokens) else []
    return parts + _told_parts(model, probes)


def _told_parts(model: object, probes: Probes) -> list[Part]:
    """Return what the model can be asked for in words."""
    parts: list[Part] = [Asking(model, probes)] if isinstance(model, LogLikelihood) else []
    parts += [Entailing(model, probes)] if isinstance(model, Entails) else []
    parts += [Writing(model, probes)] if isinstance(model, Generates) else []
    parts += [Searching(model, probes)] if isinstance(model, Searches) else []
    return parts + ([Writing(model, probes, fits=True)] if isinstance(model, FitsTexts) else [])


def _file(part: Part, subject: Subject, kept: Path) -> Path:
    return kept / f"{subject.card.name}.{part.ability}.npy"


def _answer(part: Part) -> Any:  # noqa: ANN401 - features have three axes, probabilities two
    return part.learn(part.probes.lesson) if isinstance(part, Fitting) else part.ask(part.probes.mixed)


def _use(model: object, subject: Subject) -> None:
    """Ask a model for a little of all that it can do."""
    for part in _parts(model, subject):
        if isinstance(part, Fitting):
            part.learn(part.probes.lesson)
        else:
            part.ask(part.probes.mixed[:_FEW])


def _check_card(card: Card) -> str:
    doubts = [doubt.removeprefix(f"{card.name}: ") for doubt in find_doubts(card)]
    if doubts:
        hint = "state the license as an SPDX expression, and the full commit as `revision`, where they are known"
        raise Doubtful("; ".join(doubts), hint=hint)
    return f"license {card.license}" + (", revision pinned" if card.revision else "")


def _check_capability(model: object, card: Card) -> str:
    """Compare what the model can do with what its card says that it reads."""
    fits = [target for target, way in LEARNING.items() if isinstance(model, way.kind)]
    reads = [name for name, kind in _READS.items() if isinstance(model, kind)]
    able = {"text": bool(reads), "image": isinstance(model, EmbedsImage)}
    lacking = [_METHODS[modality] for modality in card.modality if not able[modality] and not fits]
    if lacking:
        what = f"{type(model).__name__} has no {' and no '.join(lacking)}, nor `fit` and `predict`"
        hint = f"give it `{lacking[0]}(batch) -> (layers, n, d) float32`, or `fit(inputs, labels, classes)` and `predict(inputs)`"
        raise CandidateError(what, hint=hint)
    unsaid = [modality for modality, can in able.items() if can and modality not in card.modality]
    if unsaid:
        what = f"{_METHODS[unsaid[0]]} is never used: the card does not say that the model reads {unsaid[0]}"
        raise Doubtful(what, hint=f"add it to the card: modality: [{', '.join((*card.modality, *unsaid))}]")
    reads += ["embed_image"] * able["image"]
    return ", ".join(reads + [f"{LEARNING[target].fit} and {LEARNING[target].predict}" for target in fits])


def _check_size(model: HasWeights, card: Card) -> str:
    found = model.weights()
    if found.parameters < 0 or (found.parameters and not found.nbytes):
        what = f"weights() tells {found.parameters} parameters in {found.nbytes} bytes"
        raise CandidateError(what, hint="return the number of parameters, and the bytes of parameters and buffers")
    stated = card.parameters
    if stated is not None and abs(stated - found.parameters) > SIZE_TOLERANCE * max(stated, found.parameters):
        what = f"the card states {stated} parameters, and {found.parameters} are loaded"
        raise Doubtful(what, hint="screening goes by the card: correct it, or say in its `summary` what is left out")
    return f"{found.parameters} parameters in {found.nbytes / 2**20:.1f} MiB"
