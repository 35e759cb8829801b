"""A fine-tuned model that answers new rows, inside its worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from harness.core.data import Input
from harness.core.finetuned import Contents
from harness.core.kinds import Target
from harness.errors import CandidateError
from harness.execute import subject
from harness.execute.assignment import Place
from harness.models.adapters import load_model
from harness.models.batches import Batches
from harness.models.finetuned_folder import read_folder
from harness.models.trainable import Trainable
from harness.models.words import words_of
from harness.techniques.inputs import Inputs
from harness.techniques.linear_probe import ProbeHead
from harness.techniques.tag_probe import TagHead
from harness.techniques.writing import check_texts
from harness.training.objective import Objective
from harness.training.writing import turn_of

if TYPE_CHECKING:
    from harness.models.transformers_writer import TextWriter

Floats = NDArray[np.float32]
Answer = Callable[[Sequence[Input]], Floats]
Write = Callable[[Sequence[str]], list[str]]

HEAD = "head.safetensors"
_PARTS = ("mean", "scale", "weights", "bias")


def open_answer(contents: Contents, place: Place) -> Answer:
    """Load a fine-tuned model and return what gives the probabilities `(n, classes)` of rows, or their values `(n, 1)`.

    Raises:
        CandidateError: the folder, or its base model, cannot be read.
    """
    if contents.form == "probe":
        return _open_probe(contents, place)
    model = read_folder(contents, place.folder, place.base, place.device, trust=place.trust)
    return lambda inputs: _ask(model, inputs, place, Objective(contents.target))


def open_writer(contents: Contents, place: Place) -> Write:
    """Load a model that has learned to write and return what gives its text for each of some prompts, which lack the opening.

    Raises:
        CandidateError: the folder, or its base model, cannot be read, or does not say how rows are put.
    """
    manner = contents.writing
    if manner is None:
        raise CandidateError("it is not said how rows are put", where=str(place.folder), hint="run `bench finetune` again")
    model = cast("TextWriter", read_folder(contents, place.folder, place.base, place.device, trust=place.trust))
    if turn_of(model).get("prompt") != contents.recipe.get("prompt"):
        what = "the model was trained with a template for chats and now has none, or the other way round"
        raise CandidateError(what, where=str(place.folder), hint="put the tokenizer's files back, or run `bench finetune` again")

    def write(prompts: Sequence[str]) -> list[str]:
        asked = [manner.opening + one for one in prompts]
        return check_texts(model.write(asked, manner.limit, manner.stop, at_once=place.batch), len(asked))

    return write


def write_probe(head: ProbeHead | TagHead, folder: Path) -> None:
    """Write a probe's head: `softmax((features - mean) / scale @ weights + bias)`, and which layer's features it reads.

    Of labels it is a sigmoid in place of the softmax, of values neither.
    """
    head = head.probe if isinstance(head, TagHead) else head
    tensors = {name: np.ascontiguousarray(getattr(head, name), np.float32) for name in _PARTS}
    save_file(tensors, folder / HEAD, metadata={"view": str(head.view)})


def _open_probe(contents: Contents, place: Place) -> Answer:
    head = _read_probe(place.folder, contents.target)
    model = load_model(contents.card.reading(is_image=contents.is_image), place.base, place.device, place.trust)

    def answer(inputs: Sequence[Input]) -> Floats:
        features = subject.embed(model, inputs, is_image=contents.is_image)
        return head.predict(Inputs.of_layers(features, inputs), np.arange(len(inputs)))

    return answer


def _read_probe(folder: Path, target: Target) -> ProbeHead | TagHead:
    try:
        with safe_open(folder / HEAD, "numpy") as file:
            view = int(file.metadata()["view"])
            mean, scale, weights, bias = (file.get_tensor(name) for name in _PARTS)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        what = f"the head cannot be read: {next(iter(str(error).splitlines()), type(error).__name__)}"
        raise CandidateError(what, where=str(folder / HEAD), hint="run `bench finetune` again") from error
    if target == "tags":
        return TagHead(ProbeHead(view, mean, scale, weights, bias, {}))
    return ProbeHead(view, mean, scale, weights, bias, {}, target)


@torch.inference_mode()
def _ask(model: Trainable, inputs: Sequence[Input], place: Place, objective: Objective) -> Floats:
    """Return probabilities or values of rows, the longest first, as many at once as memory takes."""
    model.module.eval()
    rows = model.encode(inputs)
    lengths = [model.length(one) for one in rows]

    def forward(where: list[int]) -> Floats:
        found: Floats = objective.answers(model.logits([rows[i] for i in where])).cpu().numpy()[None]
        return found

    def too_large(row: int) -> CandidateError:
        what = f"a single row of length {lengths[row]} does not fit into the memory of device {place.device}"
        return CandidateError(what, hint="use a device with more memory")

    budget = place.batch * max(lengths, default=1) if place.batch else model.cells
    shares: Floats = Batches(budget).run(lengths, forward, too_large, words_of(rows))[0]
    return shares
