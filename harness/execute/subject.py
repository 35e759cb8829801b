"""The candidate under measurement, inside its worker: loaded, asked for features, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.candidate import Candidate
from harness.core.data import Choice, Input, are_choices, are_pairs, are_sentences, count_answers
from harness.core.table import blocks
from harness.errors import CandidateError
from harness.execute.job import Job
from harness.models.adapters import load_model
from harness.models.capabilities import (
    LEARNING,
    EmbedsImage,
    EmbedsPairs,
    EmbedsPrompts,
    EmbedsText,
    EmbedsTokens,
    Entails,
    Generates,
    Lesson,
    LogLikelihood,
)

_PICTURES_AT_ONCE = 256
_TOLD: dict[Lesson, str] = {
    "class": "classes",
    "option": "options",
    "labels": "several labels a row",
    "number": "numbers",
    "tags": "tags of words",
}
_KINDS = {
    "embed_text": EmbedsText,
    "embed_pairs": EmbedsPairs,
    "embed_words": EmbedsTokens,
    "embed_image": EmbedsImage,
    "log_likelihood": LogLikelihood,
    "generate": Generates,
    "entails": Entails,
}


class OtherRows(CandidateError):  # noqa: N818 - a reason to skip, not a fault
    """The model reads rows of another kind than the task has, which is no fault of its."""


def load(job: Job) -> object:
    """Load the job's model: through its plugin file, or through the adapter that its card names."""
    if not job.candidate.is_plugin:
        card = job.candidate.card.reading(is_image=job.is_image)
        return load_model(card, job.folder, job.device, job.trust, key=job.key)
    return _plugin(job).load(job.device, "float32")


def _plugin(job: Job) -> Candidate:
    from harness.load.candidates import load_plugin  # noqa: PLC0415 - only where the candidate is a plugin

    return next(found for found in load_plugin(Path(job.candidate.path)) if found.card.name == job.candidate.card.name)


def needs_met(
    model: object, *, is_image: bool, is_pair: bool = False, target: Lesson = "class", has_hypotheses: bool = False
) -> set[str]:
    """Return what can be done with the model and such rows.

    `embed` them, `match` them with words for the classes, `compare` both texts of a pair, or a question with its options, `ask` it
    in words, let it say what rows `entail`, or `fit` it to what is told.

    Raises:
        OtherRows: it embeds rows of another kind alone, or can be fitted to something else alone.
        CandidateError: it can neither embed nor fit anything.
    """
    is_tagged = target == "tags"
    method = "embed_image" if is_image else "embed_pairs" if is_pair else "embed_words" if is_tagged else "embed_text"
    kind = _KINDS[method]
    met = {"embed"} if isinstance(model, kind) and target != "option" else set()
    if met and not (is_pair or is_tagged) and isinstance(model, EmbedsPrompts if is_image else EmbedsText):
        met.add("match")
    if ((is_pair and target == "number") or target == "option") and isinstance(model, EmbedsText):
        met.add("compare")
    if isinstance(model, LEARNING[target].kind):
        met.add("fit")
    met |= {"ask"} if isinstance(model, LogLikelihood | Generates) and not is_image and target in {"class", "option"} else set()
    met |= {"entail"} if isinstance(model, Entails) and has_hypotheses else set()
    others = [name for name, other in _KINDS.items() if isinstance(model, other)]
    if not met and any(isinstance(model, way.kind) for way in LEARNING.values()):
        raise OtherRows(f"{type(model).__name__} cannot be fitted to {_TOLD[target]}: it has no `{LEARNING[target].fit}`")
    if not met and others:
        raise OtherRows(f"{type(model).__name__} has {' and '.join(others)}, and these rows need {method}")
    if not met:
        what = f"{type(model).__name__} can neither embed nor fit these rows"
        raise CandidateError(what, hint=f"give it `{method}(batch) -> (layers, n, d) float32`, or `fit` and `predict`")
    return met


def read_inputs(inputs: Sequence[Input], *, is_image: bool) -> Sequence[object]:
    """Return texts as they are, pictures as RGB images that are decoded when they are asked for."""
    if not is_image:
        return inputs
    from harness.models.pictures import Pictures  # noqa: PLC0415 - text needs no pictures

    return Pictures(inputs)


def embed(model: object, inputs: Sequence[Input], *, is_image: bool) -> NDArray[np.float32]:
    """Return checked features `(layers, n, d)` of encoded rows; pictures are decoded a few at a time.

    Of sentences they are those of their words, one sentence after the other.

    Raises:
        CandidateError: the model returns another shape, or values that are not finite.
    """
    if are_pairs(inputs):
        return check_features(model.embed_pairs(inputs), len(inputs))  # type: ignore[attr-defined]
    if are_sentences(inputs):
        return check_features(model.embed_words(inputs), count_answers(inputs))  # type: ignore[attr-defined]
    if not is_image:
        return check_features(model.embed_text(inputs), len(inputs))  # type: ignore[attr-defined]
    features = np.empty((0, 0, 0), np.float32)
    for start in range(0, len(inputs), _PICTURES_AT_ONCE):
        pictures = list(read_inputs(inputs[start : start + _PICTURES_AT_ONCE], is_image=True))
        part = check_features(model.embed_image(pictures), len(pictures))  # type: ignore[attr-defined]
        if not start:
            features = np.empty((part.shape[0], len(inputs), part.shape[2]), np.float32)
        if part.shape[::2] != features.shape[::2]:
            what = f"features of some pictures have {part.shape[::2]} layers and dimensions, of others {features.shape[::2]}"
            raise CandidateError(what, hint="return the same number of layers and dimensions for every picture")
        features[:, start : start + len(pictures)] = part
    return features


def embed_sides(model: object, pairs: Sequence[Input]) -> tuple[NDArray[np.float32], ...]:
    """Return what the model's last layer gives for the first and for the second text of every pair, `(n, d)` each.

    Of questions the second are all options, those of one question after the other, each text embedded once.

    Raises:
        CandidateError: they are of another shape, or not finite.
    """
    if are_choices(pairs):
        rows = [row for row in pairs if isinstance(row, Choice)]
        options = [option for row in rows for option in row.options]
        return _embed_once(model, [row.question for row in rows]), _embed_once(model, options)
    return tuple(embed(model, [pair[side] for pair in pairs], is_image=False)[-1] for side in (0, 1))  # type: ignore[misc]


def read(model: object, row: Input, needs: set[str], *, is_image: bool) -> None:
    """Let a model embed a row as a whole, or the texts in it that are compared."""
    if "embed" in needs:
        embed(model, [row], is_image=is_image)
    else:
        embed_sides(model, [row])


def _embed_once(model: object, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return vectors `(n, d)` of texts, of which many may be equal."""
    where = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    found: NDArray[np.float32] = embed(model, list(where), is_image=False)[-1][[where[text] for text in texts]]
    return found


def embed_prompts(
    model: object, phrases: Sequence[Sequence[str]], width: int, *, is_image: bool
) -> tuple[NDArray[np.float32], ...]:
    """Return vectors `(phrases, width)` of what each class is in words, as the model's last layer sees them.

    Raises:
        CandidateError: they are of another shape than the features of rows, or not finite.
    """
    texts = [one for some in phrases for one in some]
    if isinstance(model, EmbedsPrompts):
        found = check_features(np.asarray(model.embed_prompts(texts))[None], len(texts))[-1]
    else:
        found = embed(model, texts, is_image=False)[-1]
    if found.shape[1] != width:
        what = f"prompts have {found.shape[1]} dimensions, the last layer of the rows' features has {width}"
        raise CandidateError(what, hint="let embed_prompts return vectors of the same space")
    ends = np.cumsum([len(some) for some in phrases])[:-1]
    return tuple(np.split(found, ends))


def check_features(found: object, rows: int) -> NDArray[np.float32]:
    """Return the features as float32 if they are what was asked for.

    Raises:
        CandidateError: they are not numbers of shape `(layers, rows, d)`, or some are NaN or infinite.
    """
    features = np.asarray(found)
    hint = "return float32 of shape (layers, n, d), one row for each input; a single layer is (1, n, d)"
    if features.ndim != 3 or features.shape[1] != rows or 0 in features.shape or not np.issubdtype(features.dtype, np.number):
        raise CandidateError(f"features have shape {features.shape} and type {features.dtype} for {rows} rows", hint=hint)
    broken = sum(int((~np.isfinite(features[:, part]).all((0, 2))).sum()) for part in blocks(rows, features[:, 0].nbytes))
    if broken:
        what = f"features of {broken} of {rows} rows are NaN or infinite"
        raise CandidateError(what, hint="look for a division by zero or an overflow in half precision")
    return features.astype(np.float32, copy=False)


def check_shares(found: object, rows: int, classes: int) -> NDArray[np.float32]:
    """Return predicted probabilities or values as float32 if they are what was asked for.

    Raises:
        CandidateError: they are not finite numbers of shape `(rows, classes)`.
    """
    shares = np.asarray(found)
    if shares.shape != (rows, classes) or not np.issubdtype(shares.dtype, np.number):
        what = f"predictions have shape {shares.shape} and type {shares.dtype} for {rows} rows and {classes} classes"
        raise CandidateError(what, hint="return probabilities of shape (n, classes)")
    broken = int((~np.isfinite(shares).all(1)).sum())
    if broken:
        raise CandidateError(
            f"predictions of {broken} of {rows} rows are NaN or infinite", hint="look at the rows by their ids in the log"
        )
    return shares.astype(np.float32, copy=False)
