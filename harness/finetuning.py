"""The whole story of a fine-tuning: choose the contender, load the same rows, train in a guarded process, write the folder."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.atomic import write_bytes
from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.data import Dataset
from harness.core.finetuned import Contents, Finetuned, License, Made
from harness.core.progress import Progress
from harness.core.ranking import Ranking
from harness.core.run import RunInfo
from harness.core.trial import Record
from harness.errors import BenchError, CandidateError, TaskError, WorkspaceError
from harness.execute import errand, machine, process, provenance
from harness.execute.assignment import Place, Training
from harness.execute.campaign import weigh
from harness.execute.errand import Errand
from harness.execute.finalist import Finalist, Wish, choose_finalist
from harness.execute.interrupt import interrupts
from harness.execute.plan import answers_in, limits_of
from harness.execute.screening import Observer
from harness.execute.terms import Terms
from harness.load.candidates import load_candidates
from harness.load.data import load_dataset
from harness.load.workspace import load_workspaces
from harness.models import weights
from harness.models.fingerprint import sha256
from harness.store import runs
from harness.store.staging import check_place, publish, staging

HEAD, CARD = "bench.json", "README.md"
# What a reader of the folder wants to know and the last training does not measure.
_FROM_RUN = ("latency_p50_ms", "latency_p95_ms", "throughput_per_s", "memory_mb", "parameters")


@dataclass(frozen=True, slots=True)
class Handover:
    """A finished fine-tuning: the folder, and what its `bench.json` says."""

    folder: Path
    head: Finetuned


@dataclass(frozen=True, slots=True)
class _Basis:
    """What the run left: its folder, head, ranking and records."""

    folder: Path
    info: RunInfo
    ranking: Ranking
    records: tuple[Record, ...]


def finetune(
    run: str,
    out: str | Path,
    wish: Wish | None = None,
    terms: Terms | None = None,
    *,
    workspace: str | Path = ".",
    observe: Observer | None = None,
) -> Handover:
    """Train a run's recommended contender, or the one wished for, on all but the test rows; write it as a folder of its ecosystem.

    The test rows are predicted once. The folder is there whole or not at all.

    Raises:
        BenchError: the run, the rows, the weights or the place do not allow it, or training failed.
        KeyboardInterrupt: the user stopped it.
    """
    tell, terms, place = observe or (lambda _progress: None), terms or Terms(), Path(out)

    def say(line: str) -> None:
        tell(Progress("message", text=line))

    check_place(place)
    basis = _open_run(run, Path(workspace))
    chosen = choose_finalist(basis.info, basis.ranking, basis.records, wish or Wish())
    say(f"fine-tuning {chosen.card.name} with {chosen.technique}, on what run {basis.info.run} learned")
    for note in chosen.notes:
        say(f"note: {note}")
    data = _load_rows(basis.info, offline=terms.offline)
    candidate = _register(chosen.card, Path(workspace))
    base = weights.obtain(candidate, offline=terms.offline, trust=terms.trust, tell=say)
    source = _check_source(candidate, base, basis.info)
    with staging(place) as staged:
        order = _Order(basis, chosen, candidate, data, base, terms)
        made, device = order.run(staged, say)
        head = order.describe(made, place, staged, source=source, device=device)
        _write_head(head, staged)
        check_place(place)
        publish(staged, place)
    return Handover(place, head)


def _open_run(run: str, workspace: Path) -> _Basis:
    from harness.rank.ranking import rank  # noqa: PLC0415 - numpy is not needed to say that a run is not there

    folder = runs.find(workspace / "reports", run)
    info = runs.read_info(folder)
    found = weigh(folder, info)
    return _Basis(folder, info, rank(info, found.answers, found.truth, found.records), found.records)


def _load_rows(info: RunInfo, *, offline: bool) -> Dataset:
    """Read the rows as the run did.

    Raises:
        BenchError: they are gone, or no longer those of the run.
    """
    settings, folder = info.settings, Path(info.task_path)
    folder = folder if folder.is_dir() else folder.parent
    offline = offline or settings.offline
    data = load_dataset(info.task, folder, override=settings.data, seed=settings.seed, offline=offline)
    if data.digest != info.data.digest:
        what = f"the rows, or their division, are no longer those of the run ({data.digest[:12]}, not {info.data.digest[:12]})"
        raise TaskError(what, where=data.source, hint="put the run's rows back, or run `bench compare` again")
    return data


def _register(card: Card, workspace: Path) -> Registered:
    """Return the candidate of a card: as the workspaces hold it, or as the run recorded it."""
    known = load_candidates(load_workspaces(workspace)).registered
    return next((one for one in known if one.card == card and not one.is_plugin), Registered(card, "", "user", is_plugin=False))


def _check_source(candidate: Registered, base: Path | None, info: RunInfo) -> str:
    """Return the hash of the base model's files, which must be that of the run.

    Raises:
        CandidateError: they have changed.
    """
    found, name = weights.source_digest(candidate, base), candidate.card.name
    if info.digests.get(name, found) != found:
        what = f"the files of {name} are no longer those of the run"
        raise CandidateError(what, where=str(base or candidate.card.source), hint="put them back, or run `bench compare` again")
    return found


@dataclass(frozen=True, slots=True)
class _Order:
    """Everything that is settled before training begins."""

    basis: _Basis
    chosen: Finalist
    candidate: Registered
    data: Dataset
    base: Path | None
    terms: Terms

    @property
    def contents(self) -> Contents:
        task, chosen = self.basis.info.task, self.chosen
        column, pair = self.data.columns or ((task.data.text if task.modality == "text" else task.data.image) or "", "")
        return Contents(
            card=chosen.card,
            kind=task.kind,
            technique=chosen.technique,
            recipe=chosen.recipe,
            target=task.target,
            labels=self.data.rows.classes,
            column=column,
            pair=pair,
            parted=self.data.parted,
            writing=self.data.writing.manner if self.data.writing else None,
        )

    def run(self, staged: Path, say: errand.Tell) -> tuple[Made, str]:
        """Train in a guarded process; return what came of it, and on which device."""
        info, chosen = self.basis.info, self.chosen
        process.preload([self.candidate], offline=self.terms.offline)
        device = _find_device(self.terms, info.task.metric)
        argument = Training(
            contents=self.contents,
            place=Place(staged, self.base, device, self.terms.trust),
            fidelity=chosen.fidelity,
            data=self.data,
            metric=info.task.metric,
            seed=info.settings.seed,
        )
        unlimited = info.settings.model_copy(update={"trial_timeout_s": None, "memory_limit_bytes": None})
        epochs = chosen.fidelity.of if chosen.fidelity else float(chosen.recipe.get("epochs", 20))
        answers = answers_in(self.data.writing.limit) if self.data.writing else 0
        free = machine.free_bytes(staged)
        limits = limits_of(chosen.card, unlimited, self.data.size, free, epochs=epochs, answers=answers)
        log = self.basis.folder.absolute() / "logs" / f"{chosen.card.name}.finetune.log"
        job = Errand("harness.execute.finetune_pass:finetune", argument, self.candidate, limits, log, staged / ".work")
        with interrupts() as is_stopped:
            answer = errand.run(job, offline=self.terms.offline, is_stopped=is_stopped, tell=say)
        return Made.model_validate_json(answer), device

    def describe(self, made: Made, place: Path, staged: Path, *, source: str, device: str) -> Finetuned:
        """Return what `bench.json` holds."""
        from harness.rank.obligations import obligations, permission  # noqa: PLC0415 - slow to import

        info, chosen, row = self.basis.info, self.chosen, self.chosen.row
        license_ = chosen.card.license
        beside = [m for m in (row.measurements if row else ()) if m.name in _FROM_RUN]
        suffix = "PICTURES" if self.contents.is_image else "ROWS.csv"
        return Finetuned(
            name=place.absolute().name,
            contents=self.contents.prompted(made.prompt).model_copy(update={"recipe": made.recipe}),
            run=info.run,
            task=info.task.name,
            description=info.task.description,
            trial=chosen.trial,
            seed=info.settings.seed,
            device=device,
            data=info.data,
            data_license=info.task.data.license,
            license=License(name=license_, permits=permission(license_), obliges=obligations(license_)),
            metric=info.task.metric,
            validation=row.validation if row else None,
            test=made.test,
            measurements=(*made.measurements, *beside),
            notes=(*chosen.notes, *(row.notes if row else ())),
            source=source,
            files={str(p.relative_to(staged)): sha256(p) for p in sorted(staged.rglob("*")) if p.is_file()},
            versions=provenance.versions(),
            environment=info.environment,
            command=self._command(place),
            predict="" if self.data.corpus else shlex.join(["bench", "predict", str(place), suffix, "--out", "ANSWERS.parquet"]),
            made=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _command(self, place: Path) -> str:
        """Return the line that repeats this."""
        chosen, terms = self.chosen, self.terms
        named = ["--candidate", chosen.card.name, "--technique", chosen.technique, "--out", str(place), "--device", terms.device]
        allowed = {
            "--offline": terms.offline,
            "--allow-pickle": terms.trust.pickle,
            "--allow-remote-code": terms.trust.remote_code,
        }
        flags = [flag for flag, is_given in allowed.items() if is_given]
        return shlex.join(["bench", "finetune", self.basis.info.run, *named, *flags])


def _find_device(terms: Terms, metric: str) -> str:
    found = process.ask(machine.survey, (terms.device, metric, terms.trust))
    if isinstance(found, BenchError):
        raise found
    if not isinstance(found, tuple):
        raise BenchError("a worker process cannot start", where="torch", hint="run `bench doctor`")
    return str(found[0])


def _write_head(head: Finetuned, staged: Path) -> None:
    from harness.report.model_card import to_model_card  # noqa: PLC0415 - templates are slow to import

    try:
        write_bytes(staged / CARD, to_model_card(head).encode())
        write_bytes(staged / HEAD, head.model_dump_json(indent=1).encode())
    except OSError as error:
        what = f"cannot write the folder: {error.strerror}"
        raise WorkspaceError(what, where="--out", hint="choose another folder, or free some space") from error
