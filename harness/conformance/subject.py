"""One candidate under inspection: all its checks in their order, and what it answers in another process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.conformance.embedding import Embedding, agree
from harness.conformance.finding import Doubtful
from harness.conformance.fitting import Fitting, near
from harness.conformance.probes import make_probes
from harness.conformance.returning import check_files, check_memory, list_files
from harness.core.candidate import Candidate
from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import CandidateError, Unavailable
from harness.load.candidates import find_doubts
from harness.models.adapters import load_model
from harness.models.capabilities import EmbedsImage, EmbedsText, Fits, HasWeights
from harness.models.weights import locate

# By how much the parameters that a card states may differ from those that are loaded.
SIZE_TOLERANCE = 0.1
_FEW = 3
_METHODS = {"text": "embed_text", "image": "embed_image"}
Part = Embedding | Fitting
Check = tuple[str, Callable[[], str]]


@dataclass(frozen=True, slots=True)
class Subject:
    """A candidate's card and the way to load its model."""

    card: Card
    load: Callable[[], object]


def of_card(card: Card, trust: Trust, fence: Path | None) -> Subject:
    """Return what a card describes; only weights that are on this machine are read, and of folders only such within `fence`."""

    def load() -> object:
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


def checks(subject: Subject, kept: Path) -> Iterator[Check]:
    """Yield checks in their order, each to be made before the next is asked for: what one finds decides on the others."""
    before = list_files(Path.cwd())
    yield "card", lambda: _check_card(subject.card)
    loaded: list[object] = []
    yield "load", lambda: _check_load(subject, loaded)
    if not loaded:
        return
    sound: list[bool] = []
    yield from _model_checks(loaded.pop(), subject, kept, sound)
    if sound:
        yield "memory", lambda: check_memory(subject.load, lambda model: _use(model, subject))
    yield "files", lambda: check_files(Path.cwd(), before)


def keeps(subject: Subject, kept: Path) -> bool:
    """Tell whether a candidate's answers were kept."""
    return any(kept.glob(f"{subject.card.name}.*.npy"))


def compare(subject: Subject, kept: Path) -> str:
    """Load a candidate again and compare what it answers with what was kept.

    Raises:
        CandidateError: the answers differ.
    """
    hint = "seed what `load` and `fit` draw, and use zlib.crc32 in place of hash(), which differs from process to process"
    seen = ""
    for part in _parts(subject.load(), subject):
        path = _file(part, subject, kept)
        if path.is_file():
            expected, found = np.load(path, allow_pickle=False), _answer(part)
            if found.shape != expected.shape:
                raise CandidateError(f"in another process, the shape is {found.shape} in place of {expected.shape}", hint=hint)
            seen = (agree if isinstance(part, Embedding) else near)(found, expected, "in another process", hint)
    return seen


def _model_checks(model: object, subject: Subject, kept: Path, sound: list[bool]) -> Iterator[Check]:
    """Yield the checks of a loaded model; `sound` is filled when an answer has the right shape."""
    yield "capability", lambda: _check_capability(model, subject.card)
    if isinstance(model, HasWeights):
        yield "size", lambda: _check_size(model, subject.card)
    for part in _parts(model, subject):
        yield from _part_checks(part, _file(part, subject, kept), sound)


def _part_checks(part: Part, kept: Path, sound: list[bool]) -> Iterator[Check]:
    """Yield the checks of one ability; without the right shape the others would only say the same again."""
    before = len(sound)

    def keep() -> None:
        np.save(kept, part.seen[0], allow_pickle=False)
        sound.append(True)

    for name, look in part.checks():
        if name == "shape":
            yield name, lambda look=look: _then(look, keep)  # type: ignore[misc]
        elif len(sound) > before:
            yield name, look


def _then(look: Callable[[], str], act: Callable[[], None]) -> str:
    """Look, and act unless something is wrong; what is only doubtful is not wrong."""
    try:
        seen = look()
    except Doubtful:
        act()
        raise
    act()
    return seen


def _parts(model: object, subject: Subject) -> list[Part]:
    """Return what the model can do with each kind of input that its card names."""
    parts: list[Part] = []
    for modality in subject.card.modality:
        probes = make_probes(modality)
        if isinstance(model, EmbedsImage if probes.is_image else EmbedsText):
            parts.append(Embedding(model, probes))
        if isinstance(model, Fits):
            parts.append(Fitting(model, subject.load, probes))
    return parts


def _file(part: Part, subject: Subject, kept: Path) -> Path:
    ability = "embed" if isinstance(part, Embedding) else "fit"
    return kept / f"{subject.card.name}.{ability}-{part.probes.modality}.npy"


def _answer(part: Part) -> Any:  # noqa: ANN401 - features have three axes, probabilities two
    return part.ask(part.probes.mixed) if isinstance(part, Embedding) else part.learn(part.probes.lesson)


def _use(model: object, subject: Subject) -> None:
    """Ask a model for a little of all that it can do."""
    for part in _parts(model, subject):
        if isinstance(part, Embedding):
            part.ask(part.probes.mixed[:_FEW])
        else:
            part.learn(part.probes.lesson)


def _check_card(card: Card) -> str:
    doubts = [doubt.removeprefix(f"{card.name}: ") for doubt in find_doubts(card)]
    if doubts:
        hint = "state the license as an SPDX expression, and the full commit as `revision`, where they are known"
        raise Doubtful("; ".join(doubts), hint=hint)
    return f"license {card.license}" + (", revision pinned" if card.revision else "")


def _check_load(subject: Subject, loaded: list[object]) -> str:
    start = time.perf_counter()
    model = subject.load()
    if model is None:
        raise CandidateError("load returns nothing", hint="let `load(device, dtype)` return the model")
    loaded.append(model)
    return f"loaded in {time.perf_counter() - start:.1f} s"


def _check_capability(model: object, card: Card) -> str:
    """Compare what the model can do with what its card says that it reads."""
    fits = isinstance(model, Fits)
    able = {"text": isinstance(model, EmbedsText), "image": isinstance(model, EmbedsImage)}
    lacking = [_METHODS[modality] for modality in card.modality if not able[modality] and not fits]
    if lacking:
        what = f"{type(model).__name__} has no {' and no '.join(lacking)}, nor `fit` and `predict`"
        hint = f"give it `{lacking[0]}(batch) -> (layers, n, d) float32`, or `fit(inputs, labels, classes)` and `predict(inputs)`"
        raise CandidateError(what, hint=hint)
    unsaid = [modality for modality, can in able.items() if can and modality not in card.modality]
    if unsaid:
        what = f"{_METHODS[unsaid[0]]} is never used: the card does not say that the model reads {unsaid[0]}"
        raise Doubtful(what, hint=f"add it to the card: modality: [{', '.join((*card.modality, *unsaid))}]")
    return ", ".join([_METHODS[modality] for modality in card.modality if able[modality]] + ["fit and predict"] * fits)


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
