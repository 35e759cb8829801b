"""From the chosen candidates to those that can be tried: screened by their cards alone, their weights found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.core.candidate import Broken, Registered
from harness.core.progress import Progress
from harness.core.ranking import Excluded, FailedCandidate, SkippedCandidate
from harness.core.run import Settings
from harness.core.secrets import redact
from harness.core.task import Task
from harness.errors import BenchError, Unavailable, Unreachable
from harness.execute.plan import find_gap
from harness.models import weights

Observer = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Field:
    """The candidates of a run after everything that can be known without loading them, and the hash of each one's files."""

    ready: tuple[tuple[Registered, Path | None], ...]
    excluded: tuple[Excluded, ...]
    failed: tuple[FailedCandidate, ...]
    skipped: tuple[SkippedCandidate, ...]

    def digests(self) -> dict[str, str]:
        """Hash what each ready candidate is made of; cost: every byte of its weights is read."""
        return {one.card.name: weights.source_digest(one, path) for one, path in self.ready}


def survey_field(task: Task, chosen: Iterable[Registered | Broken], settings: Settings, tell: Observer) -> Field:
    """Screen by the cards alone, then find each remaining candidate's weights, fetching them if need be."""
    from harness.rank.constraints import screen  # noqa: PLC0415 - numpy is not needed to say that a task is wrong

    def say(line: str) -> None:
        tell(Progress("message", text=line))

    offline = settings.offline
    _announce(chosen, offline=offline, tell=tell)
    ready: list[tuple[Registered, Path | None]] = []
    excluded: list[Excluded] = []
    failed: list[FailedCandidate] = []
    skipped: list[SkippedCandidate] = []
    for candidate in chosen:
        if isinstance(candidate, Broken):
            failed.append(FailedCandidate(candidate=candidate.name, stage="import", error=candidate.error, hint=candidate.hint))
            continue
        name = candidate.card.name
        missed = [v for v in screen(candidate.card, task) if v.verdict != "pass"]
        if missed:
            excluded += [Excluded(candidate=name, constraint=v.constraint, verdict=v.verdict, reason=v.reason) for v in missed]
            continue
        if gap := find_gap(candidate.card, task):
            skipped.append(SkippedCandidate(candidate=name, reason=gap))
            continue
        try:
            tell(Progress("message", text=f"looking for the weights of {name}", candidate=name))
            # A Hub that is out of reach says nothing of other servers.
            apart = settings.offline if candidate.card.host else offline
            ready.append((candidate, weights.obtain(candidate, offline=apart, trust=settings.trust, tell=say)))
        except Unavailable as error:
            # One look at a network that is not there is enough.
            offline = offline or isinstance(error, Unreachable)
            away = "--allow-" not in error.hint
            skipped.append(SkippedCandidate(candidate=name, reason=_reason(error), is_away=away))
        except BenchError as error:
            failed.append(FailedCandidate(candidate=name, stage="locate", error=redact(error.what), hint=error.hint))
    return Field(tuple(ready), tuple(excluded), tuple(failed), tuple(skipped))


def _reason(error: Unavailable) -> str:
    """Return why a candidate is skipped, with the option that would let it take part if there is one."""
    return redact(f"{error.what}; {error.hint}" if "--allow-" in error.hint else error.what)


def _announce(chosen: Iterable[Registered | Broken], *, offline: bool, tell: Observer) -> None:
    """Say before the first download how much there may be: four bytes a parameter."""
    hub = [c.card for c in chosen if isinstance(c, Registered) and c.card.is_hub]
    if hub and not offline:
        size = sum(card.parameters or 0 for card in hub) * 4 / 1e9
        text = f"looking for {len(hub)} candidates on the Hub; up to about {size:.0f} GB to fetch where they are not here yet"
        tell(Progress("message", text=f"{text} (--offline fetches nothing, --candidates chooses)"))
