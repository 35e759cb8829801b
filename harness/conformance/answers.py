"""The questions about candidates that a worker answers; each is asked as `MODULE:FUNCTION` with a JSON argument."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.conformance.agenda import Agenda, again, checks
from harness.conformance.finding import Doubtful, judge
from harness.conformance.messages import Found, Names
from harness.conformance.subject import Examination, Subject, of_card, of_plugin
from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import BenchError, CandidateError
from harness.execute.uplink import Uplink
from harness.load.candidates import find_candidate, load_candidates, load_plugin
from harness.load.faults import each_fault, explain
from harness.load.plugin import ForeignError
from harness.load.workspace import load_workspaces

HEAVY = ("torch", "transformers", "timm", "open_clip", "sklearn", "tensorflow", "jax", "keras", "sentence_transformers")
SLOW_IMPORT_S = 2.0


def find(argument: dict[str, Any], messages: Uplink) -> None:
    """Send where a name is defined, or why it is not found; plugins are imported for it."""
    messages.send("found", _find(Path(argument["workspace"]), argument["name"]).model_dump_json())


def _find(workspace: Path, name: str) -> Found:
    spaces = load_workspaces(workspace)
    try:
        found = find_candidate(load_candidates(spaces), name)
    except BenchError as error:
        return Found(faults=tuple((fault.what, fault.where, fault.hint) for fault in each_fault(error)))
    root = next(space.root for space in spaces if Path(found.path).is_relative_to(space.root))
    name = found.card.name if isinstance(found, Registered) else ""
    return Found(path=found.path, root=str(root), name=name, fence="" if root == spaces[0].root else str(root))


def inspect(argument: dict[str, Any], messages: Uplink) -> None:
    """Send a finding for every check of every candidate, keeping in the folder `kept` what another process is to answer again."""
    for subject in _open(argument, messages):
        _examine(subject, checks, Path(argument["kept"]), messages)


def repeat(argument: dict[str, Any], messages: Uplink) -> None:
    """Send a finding for every candidate: whether it gives in this process what was kept."""
    for subject in _open(argument, messages):
        _examine(subject, again, Path(argument["kept"]), messages)


def _examine(subject: Subject, agenda: Agenda, kept: Path, messages: Uplink) -> None:
    """Make the checks of one candidate, and send a finding for each."""
    examination = Examination(subject, kept, lambda able: messages.send("able", able.model_dump_json()))
    going = agenda(lambda: examination.abilities)
    check = next(going, None)
    while check is not None:
        finding = judge(subject.card.name, check, lambda check=check: examination.look(check))  # type: ignore[misc]
        messages.send("finding", finding.model_dump_json())
        try:
            check = going.send(finding.status)
        except StopIteration:
            return


def _open(argument: dict[str, Any], messages: Uplink) -> list[Subject]:
    """Return the candidates of a file that are asked for, having told how the import of a plugin went."""
    trust, fence = Trust(**argument["trust"]), argument["fence"]
    if argument["cards"]:
        return [of_card(Card.model_validate(card), trust, Path(fence) if fence else None) for card in argument["cards"]]
    path = Path(argument["path"])
    found: list[Subject] = []
    messages.send("finding", judge(path.name, "import", lambda: _import(path, found)).model_dump_json())
    chosen = [subject for subject in found if subject.card.name in (argument["names"] or [subject.card.name])]
    messages.send("names", Names(names=tuple(subject.card.name for subject in chosen)).model_dump_json())
    return chosen


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
