"""What the user allows a candidate's files to do beyond being read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trust:
    """Nothing is allowed unless the user says so.

    `pickle` lets weights be read that are not safetensors, still without running code of theirs (`weights_only`). `remote_code`
    lets a model's repository bring Python that is run, for cards that ask for it. `remote` lets rows be sent to the servers that
    cards name.
    """

    pickle: bool = False
    remote_code: bool = False
    remote: bool = False


CAUTIOUS = Trust()
