"""The questions about candidates that a worker answers; each is asked as `MODULE:FUNCTION` with a JSON argument."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.conformance.finding import Doubtful, judge
from harness.conformance.subject import Subject, checks, compare, keeps, of_card, of_plugin
from harness.conformance.worker import Messages
from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import BenchError, CandidateError
from harness.load.candidates import find_candidate, load_candidates, load_plugin
from harness.load.faults import explain
from harness.load.plugin import ForeignError
from harness.load.workspace import load_workspaces

HEAVY = ("torch", "transformers", "timm", "open_clip", "sklearn", "tensorflow", "jax", "keras", "sentence_transformers")
SLOW_IMPORT_S = 2.0


def find(argument: dict[str, Any], messages: Messages) -> None:
    """Send the file in which a name is defined, the workspace it belongs to, and the card's name; plugins are imported for it."""
    messages.send("begin", "")
    spaces = load_workspaces(Path(argument["workspace"]))
    found = find_candidate(load_candidates(spaces), argument["name"])
    name = found.card.name if isinstance(found, Registered) else ""
    root = next(space.root for space in spaces if Path(found.path).is_relative_to(space.root))
    is_own = root == spaces[0].root
    messages.send("found", {"path": found.path, "name": name, "root": str(root), "fence": "" if is_own else str(root)})


def inspect(argument: dict[str, Any], messages: Messages) -> None:
    """Send a finding for every check of every candidate, keeping in the folder `kept` what another process is to answer again."""
    for subject in _open(argument, messages):
        messages.send("begin", subject.card.name)
        for check, look in checks(subject, Path(argument["kept"])):
            messages.send("check", check)
            messages.send("finding", judge(subject.card.name, check, look).model_dump())
        messages.send("end", subject.card.name)


def repeat(argument: dict[str, Any], messages: Messages) -> None:
    """Send a finding for every candidate that kept answers: whether it gives the same in this process."""
    kept = Path(argument["kept"])
    for subject in _open(argument, messages):
        if keeps(subject, kept):
            messages.send("begin", subject.card.name)
            messages.send("check", "processes")
            finding = judge(subject.card.name, "processes", lambda subject=subject: compare(subject, kept))  # type: ignore[misc]
            messages.send("finding", finding.model_dump())
            messages.send("end", subject.card.name)


def _open(argument: dict[str, Any], messages: Messages) -> Iterator[Subject]:
    """Yield the candidates of a file that are asked for, having told how the import of a plugin went."""
    path = Path(argument["path"])
    trust, fence = Trust(**argument["trust"]), argument["fence"]
    found = [of_card(Card.model_validate(card), trust, Path(fence) if fence else None) for card in argument["cards"]]
    if path.suffix == ".py":
        messages.send("begin", path.name)
        messages.send("check", "import")
        messages.send("finding", judge(path.name, "import", lambda: _import(path, found)).model_dump())
        messages.send("end", path.name)
    wanted = argument["names"] or [subject.card.name for subject in found]
    chosen = [subject for subject in found if subject.card.name in wanted and subject.card.name not in argument["done"]]
    messages.send("names", [subject.card.name for subject in chosen])
    yield from chosen


def _import(path: Path, found: list[Subject]) -> str:
    """Import a plugin file, adding its candidates to `found`, and look at what came with it."""
    before = set(sys.modules)
    start = time.perf_counter()
    try:
        plugins = load_plugin(path)
    except ForeignError as error:
        raise _of_card(error) from error
    took = time.perf_counter() - start
    names = [plugin.card.name for plugin in plugins]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        what = f'the candidate "{twice[0]}" is defined {names.count(twice[0])} times'
        raise CandidateError(what, where=str(path), hint="rename one")
    found += map(of_plugin, plugins)
    heavy = [name for name in HEAVY if name in sys.modules and name not in before]
    hint = "import it inside `load`, or where it is used; listing candidates then stays instant"
    if heavy:
        raise CandidateError(f"importing the file imports {', '.join(heavy)} ({took:.1f} s)", where=str(path), hint=hint)
    if took > SLOW_IMPORT_S:
        raise Doubtful(f"importing the file takes {took:.1f} s", where=str(path), hint=hint)
    return f"imported in {took:.2f} s, without a heavy library"


def _of_card(error: ForeignError) -> BenchError:
    """Say what is wrong with a card that a plugin makes, as for one in a file; leave other errors as they are."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError) or cause.title != Card.__name__:
        return error
    found = [(".".join(map(str, item["loc"])), *explain(item, Card)) for item in cause.errors(include_url=False)]
    what = "; ".join(f"{key}: {what}" for key, what, _ in found)
    return CandidateError(
        f"the card is not valid: {what}", where=error.where, hint=f"{found[0][2]}; `bench schema card` has all keys"
    )
