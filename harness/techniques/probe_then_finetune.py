"""Probe, then fine-tune: the head begins as a linear probe, so that the features are not bent by a random one."""

from __future__ import annotations

from harness.models.trainable import Trainable
from harness.techniques.full import Full
from harness.techniques.probe_head import begin_as_probe
from harness.techniques.technique import Recipe
from harness.techniques.tuning import Group, Lesson


class ProbeThenFinetune:
    """Fits the head's last layer on what reaches it at first, then lets all weights learn.

    Source: Kumar et al. 2022 (LP-FT).
    """

    def prepare(self, trainable: Trainable, recipe: Recipe, lesson: Lesson) -> list[Group]:
        """Write a probe into the head, and free all weights.

        Raises:
            DoesNotApply: the head does not end in a linear layer that gives the classes.
        """
        begin_as_probe(trainable, lesson)
        return Full().prepare(trainable, recipe, lesson)
