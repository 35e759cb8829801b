"""One model that learns from given rows: it can be stopped after any step, kept, and continued as if it had not been."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch.nn.modules.batchnorm import _BatchNorm  # the family of batch norms, for which torch has no public name

from harness.core.data import Input
from harness.errors import CandidateError
from harness.measure.memory import give_back_large
from harness.models.batches import Batches, is_out_of_memory, release
from harness.models.trainable import Encoded, Trainable
from harness.models.words import words_of
from harness.techniques.probe_head import begin_as_probe, give_units
from harness.techniques.technique import Recipe
from harness.techniques.tuning import DoesNotApply, Group, Lesson, Tuning, number
from harness.training import checkpoint
from harness.training.average import WeightAverage
from harness.training.batching import epoch_batches, steps_per_epoch
from harness.training.checkpoint import MOMENTS, Progress
from harness.training.objective import Objective
from harness.training.schedule import factor, steps_until

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_LARGEST_NORM = 1.0
# A mean cross entropy beyond this is no learning any more, though it is still a number.
_LARGEST_LOSS = 1e4
_LARGEST_DROPOUT = 0.9


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is trained: `epochs` is what the learning rate is laid out for, not how far it must go.

    Of one that is to be asked before its end, the mean of its weights along the way is kept (`averages`).
    """

    recipe: Recipe
    epochs: float
    seed: int
    device: str
    averages: bool = False


class Session:
    """Trains with AdamW in batches of similar lengths. On the CPU the same plan gives the same weights to the last bit."""

    def __init__(self, trainable: Trainable, tuning: Tuning, lesson: Lesson, plan: Plan) -> None:
        """Prepare the model as the technique does; draws depend on the plan's seed alone.

        Raises:
            DoesNotApply: the technique has no place in this model.
        """
        give_back_large()
        torch.manual_seed(plan.seed)
        self.trainable, self.plan, self.progress = trainable, plan, Progress()
        self.objective = _objective(lesson, plan.recipe)
        lesson = replace(lesson, labels=self.objective.inner(lesson.labels))
        self._beyond = mend_dropout(trainable.module) | begin_head(trainable, lesson, plan.recipe)
        groups = tuning.prepare(trainable, plan.recipe, lesson)
        self._rows, self._labels = trainable.encode(lesson.inputs), lesson.labels
        self._lengths = [trainable.length(one) for one in self._rows]
        self.batch = min(int(number(plan.recipe, "batch_size", 32)), len(self._rows))
        self.steps_per_epoch = steps_per_epoch(len(self._rows), self.batch)
        self.progress.micro = self.batch
        self._answers = Batches(trainable.cells)
        self._learning = {name: one for name, one in trainable.module.named_parameters() if one.requires_grad}
        self._optimizer = _optimizer(groups)
        self._average = WeightAverage(self._learning) if plan.averages else None
        self._accelerator = _accelerator(plan.device)

    @property
    def settings(self) -> dict[str, str]:
        """Return what was set beyond the recipe, because the rows or the model ask for it."""
        found = {} if self.objective.weights is None else {"class_weights": "balanced"}
        found |= {} if self._average is None else {"weights": "averaged"}
        return found | _told_by(self.trainable) | self._beyond

    @property
    def trained_parameters(self) -> int:
        """Return how many weights learn."""
        return sum(one.numel() for one in self._learning.values())

    @property
    def trained_bytes(self) -> int:
        """Return the size of the weights that learn."""
        return sum(one.numel() * one.element_size() for one in self._learning.values())

    @property
    def epoch(self) -> float:
        """Return how often the rows were gone through."""
        return self.progress.step / self.steps_per_epoch

    def advance(self, epochs: float, at_epoch: Callable[[], bool]) -> None:
        """Train until so many epochs are done in all; `at_epoch` is called after each whole one, and ends it by saying true.

        Raises:
            CandidateError: the loss is no number any more, or a single row does not fit in memory.
        """
        until = steps_until(epochs, self.steps_per_epoch)
        drawn, batches = -1, []
        while self.progress.step < until and not self.progress.stopped_at:
            epoch, within = divmod(self.progress.step, self.steps_per_epoch)
            if epoch != drawn:
                drawn, batches = epoch, self._draw_batches(epoch)
                _set_mode(self.trainable.module)
            start = perf_counter()
            self._step(batches[within])
            self.progress.seconds += perf_counter() - start
            if self._average is not None:
                self._average.add(self._learning, self.progress.step)
            if self.progress.step % self.steps_per_epoch == 0 and at_epoch():
                self.progress.stopped_at = epoch + 1
            if self.progress.step % self.steps_per_epoch == 0:
                drawn = -1

    def predict(self, inputs: Sequence[Input]) -> Floats:
        """Return probabilities `(n, classes)`, or values `(n, 1)`."""
        return self.answer(self.trainable.encode(inputs))

    @torch.inference_mode()
    def answer(self, rows: Sequence[Encoded]) -> Floats:
        """Return probabilities `(n, classes)` of encoded rows, or values `(n, 1)`.

        Raises:
            CandidateError: a single row does not fit in memory, or the model gives no numbers.
        """
        self.trainable.module.eval()
        lengths = [self.trainable.length(one) for one in rows]

        def forward(where: list[int]) -> Floats:
            found: Floats = self.objective.answers(self.trainable.logits([rows[i] for i in where])).cpu().numpy()[None]
            return found

        shares: Floats = self._answers.run(lengths, forward, lambda row: self._too_large(lengths[row]), words_of(rows))[0]
        if not np.isfinite(shares).all():
            raise self._diverged("its answers are")
        return shares

    def settle(self) -> None:
        """Take the mean of the weights along the way in their place, if it is kept; the session learns nothing more after it."""
        if self._average is not None:
            self._average.put_into(self._learning)

    def save(self, folder: Path, identity: str) -> None:
        """Keep all that a later session with the same plan needs to continue, before it settles."""
        tensors = checkpoint.gather(self._learning, self._optimizer, self._average)
        checkpoint.write(folder, tensors, self.progress, identity)

    def restore(self, folder: Path, identity: str, epochs: float) -> bool:
        """Continue what was kept under this identity, if anything was that is not beyond so many epochs."""
        found = checkpoint.read(folder, identity)
        if found is None:
            return False
        tensors, progress = found
        if progress.step > steps_until(epochs, self.steps_per_epoch):
            return False
        if not checkpoint.put_back(tensors, self._learning, self._optimizer, self._average):
            return False
        self.progress = progress
        return True

    def _draw_batches(self, epoch: int) -> list[Ints]:
        return epoch_batches(self._lengths, self.batch, self.plan.seed, epoch)

    def _step(self, rows: Ints) -> None:
        """Take one step, in as many parts as memory needs; what fits is remembered."""
        progress, recipe = self.progress, self.plan.recipe
        steps = steps_until(self.plan.epochs, self.steps_per_epoch)
        rate = number(recipe, "learning_rate", 1e-4) * factor(progress.step, steps, number(recipe, "warmup", 0.0))
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        while (loss := self._attempt(rows)) is None:
            if progress.micro == 1:
                raise self._too_large(max(self._lengths[i] for i in rows))
            progress.micro = min(progress.micro, len(rows)) // 2 or 1
        norm = self._accelerator.clip_grad_norm_(self._learning.values(), _LARGEST_NORM)
        if not math.isfinite(loss) or loss > _LARGEST_LOSS or not bool(torch.isfinite(norm)):
            raise self._diverged(f"the loss is {loss:.3g} and the gradient's norm {float(norm):.3g},")
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        progress.step, progress.rows = progress.step + 1, progress.rows + len(rows)
        progress.loss, progress.loss_steps = progress.loss + loss, progress.loss_steps + 1

    def _attempt(self, rows: Ints) -> float | None:
        """Return the loss of a batch whose gradients were added up, None where memory did not suffice."""
        try:
            return self._accumulate(rows)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Only here is the error gone, and with it the frames that held the tensors of the failed call.
        self._optimizer.zero_grad(set_to_none=True)
        release()
        return None

    def _accumulate(self, rows: Ints) -> float:
        torch.manual_seed(_draw(self.plan.seed, self.progress.step))
        labels = self._labels[rows]
        total = self.objective.size(labels)
        loss, cells, tokens = 0.0, 0, 0
        for part in np.array_split(np.arange(len(rows)), -(-len(rows) // self.progress.micro)):
            batch = [self._rows[i] for i in rows[part]]
            with self._accelerator.autocast():
                logits = self.trainable.logits(batch)
            share = self.objective.loss(logits, labels[part], total)
            self._accelerator.backward(share)
            loss += self.objective.plain(logits, labels[part], total) if self.objective.smoothing else float(share.detach())
            lengths = [self._lengths[i] for i in rows[part]]
            cells, tokens = cells + len(part) * max(lengths), tokens + sum(lengths)
        self.progress.cells += cells
        self.progress.tokens += tokens
        return loss

    def _diverged(self, what: str) -> CandidateError:
        rate = number(self.plan.recipe, "learning_rate", 1e-4)
        said = f"training diverged at step {self.progress.step + 1}: {what} no longer a number that can be used"
        return CandidateError(said, hint=f"use a lower learning rate than {rate:g}, or more warm-up")

    def _too_large(self, length: int) -> CandidateError:
        what = f"a single row of {length} tokens" if length > 1 else "a single row"
        said = f"out of memory at batch size 1: {what} does not fit into the memory of device {self.plan.device} in training"
        fits = self._fitting(length)
        hint = f"{fits} tokens fit: set context: {fits} in the card, or use lora" if fits else "use lora or a smaller model"
        return CandidateError(said, hint=hint)

    def _fitting(self, length: int) -> int:
        """Return how many tokens of the longest row can be learned from, 0 where none can or rows have no tokens."""
        row = self._rows[int(np.argmax(self._lengths))]
        fits = length // 2 if self.trainable.length(row) > 1 else 0
        while fits and not self._can_learn(row[..., :fits]):
            fits //= 2
        return fits

    def _can_learn(self, row: Encoded) -> bool:
        try:
            self.trainable.logits([row]).sum().backward()  # type: ignore[no-untyped-call]
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return False
        finally:
            self._optimizer.zero_grad(set_to_none=True)
        return True


def save_model(session: Session, folder: Path, names: Sequence[str]) -> None:
    """Write a trained model as its library loads it; where values are told, its last layer gives them in their own unit.

    The session learns nothing more after it.
    """
    if session.objective.target == "number":
        give_units(session.trainable, session.objective.scale, session.objective.center)
        session.objective = Objective("number")
    session.trainable.save(folder, names)


def _objective(lesson: Lesson, recipe: Recipe) -> Objective:
    if lesson.target:
        return Objective(lesson.target)
    return Objective.of(lesson.labels, lesson.classes, number(recipe, "label_smoothing", 0.0))


def _told_by(trainable: Trainable) -> dict[str, str]:
    """Return what the model itself sets: that its batch norms learn nothing, and how it makes a vector of a text's tokens."""
    found = {"pooling": str(pooling)} if (pooling := getattr(trainable, "pooling", "")) else {}
    if any(isinstance(part, _BatchNorm) for part in trainable.module.modules()):
        found["batch_norm"] = "frozen"
    return found


def _optimizer(groups: list[Group]) -> torch.optim.AdamW:
    """Return AdamW with its whole state in place, so that memory for it is taken before the first step."""
    optimizer = torch.optim.AdamW(groups, lr=1.0, fused=True)
    for group in optimizer.param_groups:
        for one in group["params"]:
            moments = {name: torch.zeros_like(one, memory_format=torch.preserve_format) for name in MOMENTS[:2]}
            optimizer.state[one] = {"step": torch.zeros((), dtype=torch.float32, device=one.device), **moments}
    return optimizer


def _accelerator(device: str) -> Accelerator:
    """Return accelerate's way to train: bfloat16 where the device computes with it, else float32."""
    is_half = device.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False)
    return Accelerator(mixed_precision="bf16" if is_half else "no", cpu=device == "cpu", device_placement=False)


def begin_head(trainable: Trainable, lesson: Lesson, recipe: Recipe) -> dict[str, str]:
    """Let the head begin as a linear probe if the recipe says so; where it cannot be one it is random, and that is said."""
    if recipe.get("head") != "probe" or lesson.target:
        return {}
    try:
        begin_as_probe(trainable, lesson)
    except DoesNotApply as error:
        return {"head": f"random, since {error.what}"}
    return {}


def mend_dropout(module: torch.nn.Module) -> dict[str, str]:
    """Where a dropout would leave less than a tenth, take its rate for the share that is kept, and say so.

    The published MobileNet v1 has 0.999, TensorFlow's probability of keeping: no head learns from a thousandth of its inputs.
    """
    found = {}
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout) and part.p > _LARGEST_DROPOUT:
            found["dropout"] = f"{1 - part.p:.3g}, since {part.p:g} must be the share that is kept"
            part.p = 1 - part.p
    return found


def _set_mode(module: torch.nn.Module) -> None:
    """Let dropout drop, and batch norms keep what they know: a few rows tell less than what they were trained on."""
    module.train()
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            part.eval()


def _draw(seed: int, step: int) -> int:
    """Return the seed of one step."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])
