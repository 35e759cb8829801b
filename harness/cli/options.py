"""Options that every command has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

here = Path()
Workspace = Annotated[Path, typer.Option("--workspace", metavar="DIR", help="Folder with your candidates, tasks and reports.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print results and errors only.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
