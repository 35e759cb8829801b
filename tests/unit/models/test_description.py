"""Descriptions say everything that a transform does, and nothing that differs between processes."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torchvision import transforms
from torchvision.transforms import v2

from harness.models.description import describe, digest_module


class Gain:
    """A transform of somebody's own, which shows nothing of itself."""

    def __init__(self, factor: float) -> None:
        self._factor = factor


MAKERS = {
    "size": (lambda: transforms.Resize(8), lambda: transforms.Resize(9)),
    "interpolation": (lambda: transforms.Resize(8), lambda: transforms.Resize(8, transforms.InterpolationMode.BICUBIC)),
    "antialias": (lambda: transforms.Resize(8), lambda: transforms.Resize(8, antialias=False)),
    "kind": (lambda: transforms.Resize(8), lambda: transforms.CenterCrop(8)),
    "order": (lambda: transforms.Compose([Gain(1), Gain(2)]), lambda: transforms.Compose([Gain(2), Gain(1)])),
    "a last digit": (lambda: Gain(0.48145466), lambda: Gain(0.48145467)),
    "a tensor": (lambda: Gain(torch.tensor([0.5, 0.1])), lambda: Gain(torch.tensor([0.5, 0.10001]))),
    "an array": (lambda: Gain(np.arange(2000)), lambda: Gain(np.arange(2000) % 1999)),
    "a mapping": (lambda: Gain({"a": Gain(1)}), lambda: Gain({"a": Gain(2)})),
    "a function": (lambda: transforms.Lambda(len), lambda: transforms.Lambda(str)),
    "a part of a function": (lambda: functools.partial(round, ndigits=1), lambda: functools.partial(round, ndigits=2)),
    "a part in its place": (lambda: functools.partial(round, 1), lambda: functools.partial(round, 2)),
    "steps of torch": (lambda: torch.nn.Sequential(v2.Resize(8)), lambda: torch.nn.Sequential(v2.Resize(9))),
    "a buffer": (lambda: torch.nn.BatchNorm1d(2), lambda: torch.nn.BatchNorm1d(3)),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKERS)
def test_what_differs_is_told_and_what_is_the_same_is_the_same(name: str) -> None:
    one, other = MAKERS[name]
    assert describe(one()) == describe(one())
    assert describe(one()) != describe(other())
    assert " at 0x" not in describe(one())


def test_an_address_is_no_part_of_it() -> None:
    class Bare:
        __slots__ = ()

    assert describe(Bare()) == describe(Bare())


def test_modules_are_told_apart_by_their_layers() -> None:
    digests = [digest_module(torch.nn.Sequential(torch.nn.Linear(2, n), torch.nn.ReLU())) for n in (3, 3, 4)]
    assert digests[0] == digests[1] != digests[2]
