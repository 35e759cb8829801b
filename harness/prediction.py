"""The whole story of a prediction: read the folder's head and the new rows, ask a guarded process, write the answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from harness.core.candidate import Registered
from harness.core.finetuned import Contents, Finetuned
from harness.core.progress import Progress
from harness.core.run import Settings
from harness.core.trust import CAUTIOUS
from harness.errors import BenchError, CandidateError, WorkspaceError
from harness.execute import errand, machine, process
from harness.execute.assignment import Place, Question
from harness.execute.errand import Errand
from harness.execute.interrupt import interrupts
from harness.execute.plan import answers_in, limits_of
from harness.execute.screening import Observer
from harness.execute.terms import Terms
from harness.load.new_prompts import read_new_prompts
from harness.load.new_rows import NewRows, read_new_rows
from harness.load.new_sentences import read_new_sentences
from harness.models import weights
from harness.store import answers
from harness.store.answers import Sheet
from harness.store.staging import staging

_HEAD = "bench.json"
_WRITTEN = "name a folder that `bench finetune` wrote"


@dataclass(frozen=True, slots=True)
class Reading:
    """What to read of the new rows, and how many to answer at once; what is empty is found out."""

    column: str = ""
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A finished prediction: the file, its rows, those without content, and cells that were guarded against spreadsheets."""

    file: Path
    rows: int
    empty: int
    guarded: int
    column: str


def predict(
    folder: str | Path,
    rows: str | Path,
    out: str | Path,
    reading: Reading | None = None,
    *,
    terms: Terms | None = None,
    observe: Observer | None = None,
) -> Prediction:
    """Answer new rows with a fine-tuned model, and write them with their answers as Parquet or CSV.

    Raises:
        BenchError: the folder, the rows or the place do not allow it, or the model failed.
        KeyboardInterrupt: the user stopped it.
    """
    tell, terms, reading = observe or (lambda _progress: None), terms or Terms(), reading or Reading()

    def say(line: str) -> None:
        tell(Progress("message", text=line))

    source, target = Path(rows), Path(out)
    head = read_head(Path(folder))
    answers.check_out(target, source)
    contents = head.contents
    _check_told(contents, Path(folder))
    found = _read(source, contents, reading)
    answers.check_columns(list(found.table.columns), found.table.origin, _added(contents))
    say(f"answering {len(found.inputs):,} rows of {found.table.origin}, {found.named}, as run {head.run} chose")
    if found.table.nested:
        say(f"note: columns that hold lists are left out: {', '.join(found.table.nested)}")
    with staging(target) as work:
        told = _Asking(head, Path(folder).absolute(), found, reading, terms).run(work, say)
        sheet = _to_sheet(told, found, contents)
        guarded = answers.write(target, sheet)
    empty = len(found.table) - len(found.where)
    if guarded:
        say(f"note: {guarded} cells begin like a formula of a spreadsheet and have an apostrophe in front; Parquet needs none")
    if empty:
        say(f"note: {empty} rows have nothing in {'one of ' * bool(found.others)}the {found.named}, and no answer")
    if sheet.whole is not None and None in sheet.told:
        lacking = f"{sum(one is None for one in sheet.told)} of {len(sheet.told)} texts"
        say(f'note: in {lacking} the pattern of the task finds no answer; they stand in the column "{answers.WHOLE}"')
    return Prediction(target, len(found.table), empty, guarded, ", ".join((found.column, *found.others)))


def _check_told(contents: Contents, folder: Path) -> None:
    """Accept a model of which each row gets an answer of its own.

    Raises:
        WorkspaceError: it is for searching, or the folder does not say how rows are put to it.
    """
    if contents.target == "documents":
        what = "the model turns texts into vectors to search by, and bench predict tells classes, entities, numbers and texts"
        raise WorkspaceError(what, where=str(folder), hint="load it with its own library; the folder's README.md has the lines")
    if contents.target == "text" and contents.writing is None:
        what = f"the model writes texts, and {_HEAD} of an older version does not say how rows are put to it"
        raise WorkspaceError(what, where=str(folder / _HEAD), hint="run `bench finetune` again, with another --out")


def _added(contents: Contents) -> tuple[str, ...]:
    """Return the names of the columns that are added."""
    if contents.writing is None:
        return answers.ADDED
    return (answers.ANSWER, answers.WHOLE) if contents.writing.pattern else (answers.ANSWER,)


def _read(source: Path, contents: Contents, reading: Reading) -> NewRows:
    if contents.target == "tags":
        return read_new_sentences(source, reading.column, contents.column, parted=contents.parted)
    if contents.writing is not None:
        return read_new_prompts(source, reading.column, contents.writing.template)
    part = "image" if contents.is_image else "text"
    return read_new_rows(source, part, reading.column, contents.column, pair=contents.pair)


def _to_sheet(told: Path | None, found: NewRows, contents: Contents) -> Sheet:
    """Return the rows with what a file says of those that have content."""
    import numpy as np  # noqa: PLC0415 - not needed to say that a file is wrong

    writing, columns = contents.writing, found.table.columns
    if writing is not None:
        texts: list[str] = json.loads(told.read_text(encoding="utf-8")) if told else []
        none = np.empty((len(texts), 0), np.float32)
        told_of = [writing.answer(one) for one in texts]
        return Sheet(columns, found.where, none, (), "text", told=told_of, whole=texts if writing.pattern else None)
    shares = np.load(told, allow_pickle=False) if told else np.empty((0, len(contents.names)), np.float32)
    sheet = Sheet(columns, found.where, shares, contents.labels, contents.target, contents.threshold)
    return _with_entities(sheet, found, contents) if contents.target == "tags" else sheet


def _with_entities(sheet: Sheet, found: NewRows, contents: Contents) -> Sheet:
    from harness.measure.told_entities import tell_sentences  # noqa: PLC0415 - brings numpy

    words = [len(one) for one in found.inputs]
    return replace(sheet, told=tell_sentences(sheet.shares, words, found.spans, contents.names))


def read_head(folder: Path) -> Finetuned:
    """Return what a folder says of itself.

    Raises:
        WorkspaceError: it was not written by `bench finetune`, or by a newer version.
    """
    path = folder / _HEAD
    try:
        content = path.read_bytes()
        found = json.loads(content)
        if isinstance(found, dict) and found.get("format") not in {None, "bench.model/1"}:
            what = f"{_HEAD} is of the format {str(found['format'])[:40]}, which this version does not read"
            raise WorkspaceError(what, where=str(path), hint="use the version of bench that wrote it")
        return Finetuned.model_validate_json(content)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError):
            what = f"there is no {_HEAD} in {folder}"
            raise WorkspaceError(what, where=str(folder), hint=_WRITTEN) from error
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise WorkspaceError(f"{_HEAD} cannot be read: {why[:200]}", where=str(path), hint=_WRITTEN) from error


@dataclass(frozen=True, slots=True)
class _Asking:
    """A fine-tuned model and the rows that it is asked."""

    head: Finetuned
    folder: Path
    rows: NewRows
    reading: Reading
    terms: Terms

    def run(self, work: Path, say: errand.Tell) -> Path | None:
        """Return the file of what a guarded process answers to rows with content, None where no row has any."""
        contents, terms = self.head.contents, self.terms
        if not self.rows.inputs:
            return None
        candidate = Registered(contents.card, "", "user", is_plugin=False)
        base = self._find_base(candidate, say)
        process.preload([candidate], offline=terms.offline)
        place = Place(self.folder, base, _find_device(terms.device), terms.trust, self.reading.batch)
        question = Question(contents, place, self.rows.inputs, work / ("shares.npy" if contents.writing is None else "texts.json"))
        answered = answers_in(contents.writing.limit) if contents.writing else 0
        limits = limits_of(contents.card, Settings(), len(self.rows.inputs), machine.free_bytes(work), answers=answered)
        job = Errand("harness.execute.predict_pass:predict", question, candidate, limits, work / "log", work / "scratch")
        with interrupts() as is_stopped:
            errand.run(job, offline=terms.offline, is_stopped=is_stopped, tell=say)
        return question.out

    def _find_base(self, candidate: Registered, say: errand.Tell) -> Path | None:
        """Return the folder of the base model, which an adapter and a probe need.

        Raises:
            CandidateError: it is not to be had, or is another than the one that was fine-tuned.
        """
        contents = self.head.contents
        if contents.form == "whole":
            return None
        base = weights.obtain(candidate, offline=self.terms.offline, trust=self.terms.trust, tell=say)
        if weights.source_digest(candidate, base) != self.head.source:
            what = f"the base model {contents.card.name} is no longer the one that was fine-tuned"
            raise CandidateError(what, where=str(base or contents.card.source), hint="put its files back")
        return base


def _find_device(wish: str) -> str:
    found = process.ask(machine.survey, (wish, "accuracy", CAUTIOUS))
    if isinstance(found, BenchError):
        raise found
    if not isinstance(found, tuple):
        raise BenchError("a worker process cannot start", where="torch", hint="run `bench doctor`")
    return str(found[0])
