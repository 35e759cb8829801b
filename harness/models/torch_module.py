"""What every adapter over torch needs: devices, and the exact size of a module."""

from __future__ import annotations

import torch

from harness.errors import CandidateError
from harness.models.capabilities import Weights

DEVICES = ("cpu", "cuda", "mps")


def pick_device(wish: str) -> str:
    """Return the torch device for a wish: `auto` takes the first accelerator, else the CPU.

    Raises:
        CandidateError: the device is not on this machine, or torch does not know the word.
    """
    if wish == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    hint = "use auto, cpu, cuda, cuda:N or mps; `bench doctor` lists them"
    if wish.partition(":")[0] not in DEVICES:
        raise CandidateError(f'unknown device "{wish}"', where="--device", hint=hint)
    try:
        torch.empty(1, device=torch.device(wish))
    except (RuntimeError, AssertionError) as error:
        what = f'device "{wish}" cannot be used: {str(error).splitlines()[0]}'
        raise CandidateError(
            what, where="--device", hint="use auto, cpu, cuda, cuda:N or mps; `bench doctor` lists them"
        ) from error
    return wish


def count_weights(module: torch.nn.Module) -> Weights:
    """Count parameters once each (tied ones too), and the bytes of parameters and buffers."""
    parameters = list(module.parameters())
    buffers = list(module.buffers())
    return Weights(
        parameters=sum(p.numel() for p in parameters),
        nbytes=sum(t.numel() * t.element_size() for t in (*parameters, *buffers)),
    )


def pool(hidden: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Reduce `(n, tokens, d)` to `(n, d)` over the positions where `mask` `(n, tokens)` is one.

    `mean` averages them, `cls` takes the first, `last` takes the last. Padding may stand on either side.
    """
    if pooling == "mean":
        weights = mask.to(hidden.dtype)
        return torch.einsum("ntd,nt->nd", hidden, weights) / weights.sum(1, keepdim=True).clamp(min=1)
    positions = torch.arange(mask.shape[1], device=mask.device)
    chosen = (mask * positions).argmax(1) if pooling == "last" else mask.argmax(1)
    return hidden[torch.arange(len(hidden), device=hidden.device), chosen]
