"""All checks of a task: its file, its rows, and how they are divided."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from harness.conformance.finding import Finding, NotApplicable, Status, judge
from harness.core.corpus import Corpus
from harness.core.data import Choice, Dataset, Input, Pair, Sentence
from harness.core.task import Task
from harness.core.writing import Writing
from harness.errors import BenchError, TaskError
from harness.load.captions import find_doubts as find_caption_doubts
from harness.load.checks import Doubt, find_doubts
from harness.load.data import load_dataset
from harness.load.faults import each_fault
from harness.load.generation import find_doubts as find_writing_doubts
from harness.load.retrieval import find_doubts as find_search_doubts
from harness.load.tasks import LoadedTask

# From this share of the rows on, a doubt is a failure: figures would be wrong more than a little.
GRAVE = 0.1
# A test interval may be so many times as wide as the margin, on either side.
MARGINS = 5
SHORT_TEXT, LONG_TEXT, ENDLESS_TEXT = 2, 2_000, 100_000
SHORT_SHARE, LONG_SHARE = 0.05, 0.2
FEW_GROUPS = 10
_FUNCTION = re.compile(r"\.py:\w+$")
_SCORE = 0.8
Seen = tuple[list[Doubt], str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a task's rows is looked at: `override` replaces them, `seed` divides them, `offline` fetches nothing."""

    override: str | None = None
    seed: int = 0
    offline: bool = False


def audit(loaded: LoadedTask, asked: Asked) -> list[Finding]:
    """Make every check of a task; where its rows cannot be read, those of its files only."""
    name = loaded.task.name
    findings = [*_of_files(loaded)]
    try:
        data = _load(loaded, asked)
    except BenchError as error:
        return findings + [
            Finding(subject=name, check="data", status="failed", what=fault.what, where=fault.where, hint=fault.hint)
            for fault in each_fault(error)
        ]
    findings.append(Finding(subject=name, check="data", status="passed", what=f"{len(data.rows)} rows of {data.source}"))
    for check, (doubts, passed) in _of_rows(loaded.task, data):
        findings += _report(name, check, doubts, passed)
    return [*findings, judge(name, "determinism", lambda: _check_determinism(loaded, asked, data))]


def _load(loaded: LoadedTask, asked: Asked) -> Dataset:
    return load_dataset(loaded.task, loaded.folder, override=asked.override, seed=asked.seed, offline=asked.offline)


def _report(name: str, check: str, doubts: Sequence[Doubt], passed: str) -> Iterator[Finding]:
    for doubt in doubts:
        status: Status = "failed" if doubt.share >= GRAVE else "warning"
        yield Finding(subject=name, check=check, status=status, what=doubt.what, hint=doubt.hint)
    if not doubts:
        yield Finding(subject=name, check=check, status="passed", what=passed)


def _of_files(loaded: LoadedTask) -> Iterator[Finding]:
    name, task = loaded.task.name, loaded.task
    readme = loaded.folder / "README.md"
    hint = "write what the rows are, where they are from, how many there are, and their limits"
    lacking = [] if readme.is_file() and readme.read_text(errors="replace").strip() else [Doubt("readme", "no README.md", hint)]
    yield from _report(name, "readme", lacking, "README.md")
    hint = "state under `data: {license: …}` under which license the rows may be used and passed on"
    unknown = [Doubt("license", "the license of the rows is unknown", hint)] if task.data.license == "unknown" else []
    yield from _report(name, "license", unknown, task.data.license)


def _of_rows(task: Task, data: Dataset) -> Iterator[tuple[str, Seen]]:
    """Yield what each check of the rows saw; what was noticed while they were loaded stands with the check that it belongs to."""
    doubts: dict[str, list[Doubt]] = defaultdict(list)
    for doubt in _doubts(data):
        doubts[doubt.about].append(doubt)
    known = {doubt.what for found in doubts.values() for doubt in found}
    other = [Doubt("rows", what, "mend the rows, or the keys under `data:`") for what in data.warnings if what not in known]
    folded = [_fold(_text(row)) if task.modality == "text" else "" for row in data.rows.inputs]
    yield "columns", ([], "; ".join(data.notes) or "as the task names them")
    yield "rows", (other, "none was left out")
    if data.corpus is not None:
        noun = ("captions", "picture") if data.rows.target == "captions" else ("documents", "query")
        yield noun[0], (doubts["documents"] + _lengths(data.corpus.documents)[0], _describe_documents(data.corpus, *noun))
    elif data.writing is not None:
        yield "references", (doubts["references"], _describe_references(data.writing))
    else:
        told = "values" if task.target == "number" else "classes"
        yield told, (doubts["classes"] + _alike_classes(data.rows.classes), _describe_told(data))
    yield "duplicates", _duplicates(data, folded)
    yield "leakage", (doubts["leakage"] + _near_leaks(data, folded), "no test row occurs among the others")
    if data.corpus is None and data.writing is None:
        yield "labels", (doubts["labels"], "no content has two labels")
    if data.rows.groups:
        yield "groups", (doubts["groups"] + _groups(data), f"{len(set(data.rows.groups))} groups")
    if task.modality == "text":
        yield "lengths", _lengths([_text(row) for row in data.rows.inputs])
    # Of entities, a row has any number: how wide an interval will be is not known before.
    if task.target not in {"number", "tags"}:
        yield "precision", _precision(data, task.margin)


def _doubts(data: Dataset) -> Iterator[Doubt]:
    if data.corpus is not None:
        if data.rows.target == "captions":
            return find_caption_doubts(data.rows, data.corpus)
        return find_search_doubts(data.rows, data.split, data.corpus)
    if data.writing is not None:
        return find_writing_doubts(data.rows, data.split, data.writing)
    return find_doubts(data.rows, data.split, drawn=data.drawn_test)


def _describe_references(writing: Writing) -> str:
    least, most, _ = writing.span
    number = f"{least}" if least == most else f"{least} to {most}"
    return f"{number} a row; {_lengths([text for some in writing.references for text in some])[1]}"


def _describe_documents(corpus: Corpus, documents: str, row: str) -> str:
    used = {place for grades in corpus.grades for place in grades}
    right = [len(grades) for grades in corpus.grades]
    found = f"{len(corpus.documents)} {documents}, {len(used)} right for some {row}; {min(right)} to {max(right)} right for a {row}"
    return f"{found}; {_lengths(corpus.documents)[1]}"


def _text(row: Input) -> str:
    """Return the text that a row is, of a pair both, of a sentence its words, of a question all its options too."""
    if isinstance(row, Sentence):
        return " ".join(row)
    if isinstance(row, Choice):
        return "\n".join((row.question, *row.options))
    return "\n".join(row) if isinstance(row, Pair) else str(row)


def _fold(text: str) -> str:
    r"""Return what two texts that read the same have in common: letters in one case and one form, single spaces.

    >>> _fold(" Ｗhere\n is IT?") == _fold("where is it?")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _alike_classes(classes: Sequence[str]) -> list[Doubt]:
    names: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        names[_fold(name)].append(name)
    alike = [" and ".join(f'"{name}"' for name in found) for found in names.values() if len(found) > 1]
    what = f"classes differ in case or spaces only: {'; '.join(alike)}"
    return [Doubt("classes", what, "give them one spelling", share=1.0)] if alike else []


def _describe_told(data: Dataset) -> str:
    parts = f"{len(data.split.rest)} to learn and choose, {len(data.split.test)} to test"
    span, sizes = data.rows.values(), data.rows.sizes()
    if span is not None:
        return f"{span[0]:.6g} to {span[2]:.6g}, {span[1]:.6g} in the mean; {parts}"
    if data.rows.target == "tags":
        return f"{len(sizes)} types of {min(sizes)} to {max(sizes)} entities; {parts}"
    return f"{len(sizes)} {'classes' if data.rows.target == 'class' else 'labels'} of {min(sizes)} to {max(sizes)} rows; {parts}"


def _duplicates(data: Dataset, folded: Sequence[str]) -> Seen:
    """Count rows that repeat another one, exactly or but for case and spaces."""
    digests = [ident.partition("-")[0] for ident in data.rows.ids]
    exact = len(digests) - len(set(digests))
    forms: dict[str, set[str]] = defaultdict(set)
    for form, content in zip(folded, digests, strict=True):
        forms[form].add(content)
    near = sum(len(found) - 1 for form, found in forms.items() if form)
    doubts = []
    if exact:
        hint = "remove copies, or keep them if they are as common in use; they stay on one side of every split"
        doubts.append(Doubt("duplicates", f"{exact} of {len(digests)} rows repeat another row", hint))
    if near:
        hint = "remove them, or give them one form: they can stand on both sides of a split"
        doubts.append(Doubt("duplicates", f"{near} rows repeat another one but for case, spaces or the form of letters", hint))
    return doubts, "no row repeats another"


def _near_leaks(data: Dataset, folded: Sequence[str]) -> list[Doubt]:
    """Find test rows that others repeat but for case and spaces; exact copies are told already."""
    digests = [ident.partition("-")[0] for ident in data.rows.ids]
    learned = {digests[position] for position in data.split.rest}
    forms = {folded[position] for position in data.split.rest} - {""}
    near = sum(folded[position] in forms and digests[position] not in learned for position in data.split.test)
    if not near:
        return []
    what = f"{near} of {len(data.split.test)} test rows are those of training but for case, spaces or the form of letters"
    hint = "remove them, or put rows that belong together into one `group`"
    return [Doubt("leakage", what, hint, near / len(data.split.test))]


def _groups(data: Dataset) -> list[Doubt]:
    sizes = Counter(data.rows.groups)
    largest, number = sizes.most_common(1)[0]
    hint = "name the column of what rows share, such as the customer, or leave `data.group` out"
    if number == 1:
        return [Doubt("groups", "every row is a group of its own, so that grouping changes nothing", hint)]
    doubts = []
    if len(sizes) < FEW_GROUPS:
        doubts.append(Doubt("groups", f"there are {len(sizes)} groups only, so that the parts of a split are coarse", hint))
    if number > len(data.rows) / 2:
        doubts.append(Doubt("groups", f'the group "{largest}" holds {number} of {len(data.rows)} rows', hint))
    return doubts


def _lengths(texts: Sequence[str]) -> Seen:
    sizes = [len(text.strip()) for text in texts]
    short = sum(size <= SHORT_TEXT for size in sizes) / len(sizes)
    long = sum(size > LONG_TEXT for size in sizes) / len(sizes)
    doubts = []
    if short > SHORT_SHARE:
        hint = "is the text column right? rows that say nothing cannot be told apart"
        doubts.append(Doubt("lengths", f"{short:.0%} of the texts have at most {SHORT_TEXT} characters", hint))
    if long > LONG_SHARE:
        hint = "choose models with a long context (`constraints: {context: …}`), or cut the texts yourself"
        doubts.append(
            Doubt("lengths", f"{long:.0%} of the texts are longer than about 500 tokens, where many models cut off", hint)
        )
    if max(sizes) > ENDLESS_TEXT:
        hint = "look at that row: a quote that is not closed joins rows"
        doubts.append(Doubt("lengths", f"the longest text has {max(sizes)} characters", hint))
    return doubts, f"{min(sizes)} to {max(sizes)} characters, median {median(sizes):.0f}"


def _precision(data: Dataset, margin: float) -> Seen:
    """Tell how wide 95 % intervals of a score of 0.8 will be, by the normal approximation of a share: 1.96 √(p(1−p)/n)."""
    choosing, test = len(data.split.choosing), len(data.split.test)
    seen = (
        f"at a score of {_SCORE}, ±{_half(choosing):.3f} on {choosing} validation rows and ±{_half(test):.3f} on {test} test rows"
    )
    wanted = MARGINS * (margin or 0.01)
    if _half(test) <= wanted:
        return [], seen
    needed = math.ceil(1.96**2 * _SCORE * (1 - _SCORE) / wanted**2)
    what = f"{seen}: the test rows are few for a margin of {margin:g}"
    hint = f"with {needed} test rows it would be ±{wanted:g}; or set a `margin` that fewer rows can tell"
    return [Doubt("precision", what, hint)], seen


def _half(rows: int) -> float:
    return 1.96 * math.sqrt(_SCORE * (1 - _SCORE) / rows) if rows else 1.0


def _is_made(loaded: LoadedTask, asked: Asked) -> bool:
    data = loaded.task.data
    return asked.override is None and any(_FUNCTION.search(name) for name in (data.train, data.test or ""))


def _check_determinism(loaded: LoadedTask, asked: Asked, data: Dataset) -> str:
    """Let the function make its rows again; each call has a process of its own.

    Raises:
        NotApplicable: they lie in files.
        TaskError: it made other rows.
    """
    if not _is_made(loaded, asked):
        raise NotApplicable("the rows are read from where they lie")
    if _load(loaded, asked).digest != data.digest:
        hint = "seed what the function draws, sort what comes from a set or a listing of files, and fetch fixed versions"
        raise TaskError("loaded again in another process, the rows are others", where=data.source, hint=hint)
    return "loaded again in another process, the rows are the same"
