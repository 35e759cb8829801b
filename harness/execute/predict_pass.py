"""New rows, answered by a fine-tuned model; the probabilities, or the texts that it writes, go into a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np

from harness.core.data import Input, count_answers
from harness.core.noun import Noun
from harness.execute import subject
from harness.execute.answering import open_answer, open_writer
from harness.execute.assignment import Question

_AT_ONCE = 2000
# Writing takes longer.
_WRITTEN_AT_ONCE = 500


class Answered(Noun):
    """How many rows were answered."""

    rows: int


def predict(question: Question, tell: Callable[[str], None]) -> Answered:
    """Answer all rows, and say from time to time how many are done.

    Raises:
        CandidateError: the model cannot be read, or gives no numbers.
    """
    tell("loading")
    if question.contents.target == "text":
        return _write(question, tell)
    answer = open_answer(question.contents, question.place)
    rows, classes = len(question.inputs), len(question.contents.names)
    parts = [np.empty((0, classes), np.float32)]
    for start in range(0, rows, _AT_ONCE):
        part: Sequence[Input] = question.inputs[start : start + _AT_ONCE]
        parts.append(subject.check_shares(answer(part), count_answers(part), classes))
        tell(f"{start + len(part):,} of {rows:,} rows answered")
    np.save(question.out, np.concatenate(parts), allow_pickle=False)
    return Answered(rows=rows)


def _write(question: Question, tell: Callable[[str], None]) -> Answered:
    write = open_writer(question.contents, question.place)
    rows, texts = len(question.inputs), list[str]()
    for start in range(0, rows, _WRITTEN_AT_ONCE):
        texts += write([str(one) for one in question.inputs[start : start + _WRITTEN_AT_ONCE]])
        tell(f"{len(texts):,} of {rows:,} rows answered")
    question.out.write_text(json.dumps(texts), encoding="utf-8")
    return Answered(rows=rows)
