"""`bench schema`: what editors need to check a file while it is written."""

from __future__ import annotations

import json
from enum import Enum
from importlib import import_module
from typing import Annotated

import typer

from harness.cli.options import Debug, Quiet, Workspace, here


class Noun(Enum):
    """A file whose schema is published."""

    CARD = "card"
    TASK = "task"
    SUITE = "suite"
    REPORT = "report"


Which = Annotated[Noun, typer.Argument(help="The kind of file.")]


def command(noun: Which, *, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False) -> None:
    """Print a JSON schema, with which editors check files."""
    del workspace, quiet, debug
    model = getattr(import_module(f"harness.core.{noun.value}"), noun.value.capitalize())
    typer.echo(json.dumps(model.model_json_schema(), indent=2, ensure_ascii=False))
