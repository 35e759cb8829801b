"""What a user has typed, told apart from what is left at its default."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from harness.comparison import Changes

# Settings whose option has another name.
_OPTIONS = {
    "constraints": "constraint",
    "data_of": "data",
    "measures": "measure",
    "trial_timeout_s": "trial_timeout",
    "memory_limit_bytes": "memory_limit",
    "budget_s": "budget",
}


def only_given(wishes: Mapping[str, object], context: typer.Context) -> Changes:
    """Return the settings whose options stand on the command line, as changes to those of an earlier run."""
    return Changes({name: value for name, value in wishes.items() if _is_given(context, _OPTIONS.get(name, name))})


def _is_given(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"
