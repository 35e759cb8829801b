"""A head that begins as a linear probe on what reaches it, and one that ends with giving values in their own unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from harness.atomic import write_bytes
from harness.core.data import Input, stratify, target_of
from harness.errors import CandidateError
from harness.models.batches import Batches
from harness.models.trainable import Trainable
from harness.models.words import gather_words, words_of
from harness.techniques.full import is_within
from harness.techniques.inner_split import thin
from harness.techniques.inputs import Inputs
from harness.techniques.linear_probe import LinearProbe, ProbeHead
from harness.techniques.tuning import DoesNotApply, Lesson

_ROWS_FOR_PROBE, _SENTENCES_FOR_PROBE = 10_000, 1000


def begin_as_probe(trainable: Trainable, lesson: Lesson) -> None:
    """Fit a probe on at most 10,000 of the rows, or the words of 1,000 sentences, and write it into the head's last layer.

    Rows are drawn by class. A probe that another training of the model left beside the lesson is taken as it is.

    Raises:
        DoesNotApply: the head does not end in a linear layer that gives the classes, or all rows are of one class.
    """
    layer = last_layer(trainable, lesson.classes)
    if lesson.kept is not None and _take(layer, lesson.kept):
        return
    is_tagged = target_of(lesson.labels) == "tags"
    kept = thin(stratify(lesson.labels), _SENTENCES_FOR_PROBE if is_tagged else _ROWS_FOR_PROBE)
    labels = np.concatenate(lesson.labels[kept]) if is_tagged else lesson.labels[kept]
    if labels.ndim == 1 and len(np.unique(labels)) < 2:
        raise DoesNotApply("all rows that it would learn from are of one class")
    features = _reaching(trainable, layer, [lesson.inputs[i] for i in kept])
    _write(layer, LinearProbe().fit(Inputs.of_layers(features[None]), np.arange(len(labels)), labels, lesson.classes))
    if lesson.kept is not None:
        lesson.kept.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(lesson.kept, save({name: one.detach().cpu().contiguous() for name, one in layer.named_parameters()}))


def last_layer(trainable: Trainable, classes: int) -> torch.nn.Linear:
    """Return the linear layer of the head that gives the classes.

    Raises:
        DoesNotApply: there is none.
    """
    found = [
        part
        for name, part in trainable.module.named_modules()
        if isinstance(part, torch.nn.Linear) and part.out_features == classes and is_within(f"{name}.", trainable.head)
    ]
    if not found:
        raise DoesNotApply("its head does not end in a linear layer that gives the classes")
    return found[-1]


@torch.no_grad()
def give_units(trainable: Trainable, scale: float, center: float) -> None:
    """Let a head of one output give `scale` times what it gives, plus `center`; it may stand within a wrapper of peft.

    Raises:
        CandidateError: it does not end in a linear layer with a bias.
    """
    layers = [
        part
        for name, part in trainable.module.named_modules()
        if isinstance(part, torch.nn.Linear)
        and part.out_features == 1
        and any(f".{head}." in f".{name}." for head in trainable.head)
        and "original_module" not in name
    ]
    if not layers or layers[-1].bias is None:
        what = "its head does not end in a linear layer with a bias, so values cannot be given in their own unit"
        raise CandidateError(what, hint="use linear-probe, or another candidate")
    layers[-1].weight.mul_(scale)
    layers[-1].bias.mul_(scale).add_(center)


@torch.no_grad()
def _reaching(trainable: Trainable, layer: torch.nn.Linear, inputs: list[Input]) -> NDArray[np.float32]:
    """Return what reaches a layer, `(n, d)`."""
    trainable.module.eval()
    seen: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    rows = trainable.encode(inputs)

    def forward(where: list[int]) -> NDArray[np.float32]:
        seen.clear()
        batch = [rows[i] for i in where]
        trainable.logits(batch)
        if words_of(batch) and seen[-1].ndim == 3:
            seen[-1] = gather_words(seen[-1], batch)[0]
        if seen[-1].ndim != 2:
            raise DoesNotApply("its head reads every token, not one vector a text")
        features: NDArray[np.float32] = seen[-1].float().cpu().numpy()[None]
        return features

    try:
        lengths = [trainable.length(one) for one in rows]
        too_large = DoesNotApply("a single row does not fit into memory")
        found: NDArray[np.float32] = Batches(trainable.cells).run(lengths, forward, lambda _: too_large, words_of(rows))[0]
        return found
    finally:
        hook.remove()


@torch.no_grad()
def _take(layer: torch.nn.Linear, path: Path) -> bool:
    """Write a probe that was kept into a layer, if there is one that is whole and has the layer's shape."""
    try:
        found = load_file(path)
    except (OSError, SafetensorError):
        return False
    wanted = dict(layer.named_parameters())
    if {name: one.shape for name, one in found.items()} != {name: one.shape for name, one in wanted.items()}:
        return False
    for name, one in wanted.items():
        one.copy_(found[name])
    return True


@torch.no_grad()
def _write(layer: torch.nn.Linear, probe: ProbeHead) -> None:
    """Write a probe's standardization and weights as one linear layer; a class that it has not seen begins as the rarest."""
    weights = probe.weights / probe.scale[:, None]
    bias = np.where(probe.bias > -1e8, probe.bias, probe.bias[probe.bias > -1e8].min()) - probe.mean @ weights
    layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weights.T)))
    if layer.bias is not None:
        layer.bias.copy_(torch.from_numpy(bias))
