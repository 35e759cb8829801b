"""What training adds to the heads on frozen features of the same candidate; where texts are written, to what it writes as it is."""

from __future__ import annotations

from harness.core.ranking import Gain
from harness.core.written import COLUMNS
from harness.rank.choice import Field
from harness.rank.statistics import spread


def find_gains(field: Field) -> tuple[Gain, ...]:
    """Return the gain of every trained contender over its candidate's best other one, with its 95 % interval.

    The draws are joint, so that the difference is paired: percentiles of the differences, moved to lie around the measured one.
    """
    found = []
    for i, row in enumerate(field.rows):
        heads = [
            k for k, other in enumerate(field.rows) if not other.is_trained and (other.metric in COLUMNS or not other.is_asked)
        ]
        frozen = [k for k in heads if field.rows[k].candidate == row.candidate]
        if not row.is_trained or not frozen:
            continue
        best = max(frozen, key=lambda k: (field.points[k], field.rows[k].technique))
        gain = float(field.points[i] - field.points[best])
        differences = field.draws[:, i] - field.draws[:, best]
        interval = spread(differences, gain)
        found.append(
            Gain(
                candidate=row.candidate,
                technique=row.technique,
                over=field.rows[best].technique,
                gain=gain,
                low=interval.low,
                high=interval.high,
            )
        )
    return tuple(found)
