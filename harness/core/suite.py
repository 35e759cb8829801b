"""Several tasks that are judged together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from harness.core.card import NAME
from harness.core.noun import Noun
from harness.core.run import Settings


class Member(Noun):
    """A task of a suite, by its name, by WORKSPACE:NAME, or by the path of its folder from that of the suite.

    `weight` is how much it counts beside the others; 2 counts twice as much as 1.
    """

    task: Annotated[str, Field(min_length=1, max_length=4000)]
    weight: Annotated[float, Field(gt=0, le=1_000_000)] = 1.0


def _read_member(value: object) -> object:
    """Read a task's name alone as a member of weight 1."""
    return {"task": value} if isinstance(value, str) else value


Members = Annotated[tuple[Annotated[Member, BeforeValidator(_read_member)], ...], Field(min_length=1, max_length=200)]


class Suite(Noun):
    """A suite as its `suite.yaml` states it."""

    name: Annotated[str, Field(pattern=NAME, max_length=100)]
    description: str = ""
    tasks: Members

    @field_validator("tasks")
    @classmethod
    def _check_members(cls, members: tuple[Member, ...]) -> tuple[Member, ...]:
        seen = set()
        for member in members:
            if member.task in seen:
                msg = f'the task "{member.task[:80]}" is listed twice'
                raise ValueError(msg)
            seen.add(member.task)
        return members


class Entry(Noun):
    """A task of a suite's run: its own name, where its file lies, and its own run, empty while there is none.

    `error` and `hint` say why it has none.
    """

    task: str
    path: str
    weight: float
    run: str = ""
    error: str = ""
    hint: str = ""


class SuiteInfo(Noun):
    """The head of a suite's run, `suite.json`; `path` is empty where no file states the suite."""

    format: Literal["bench.suite-run/1"] = "bench.suite-run/1"
    run: str
    suite: Suite
    path: str = ""
    settings: Settings
    entries: tuple[Entry, ...]
    started: str
    resumed: tuple[str, ...] = ()
