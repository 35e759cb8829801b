"""LogME of 5,000 × 768 features and 77 classes, against the transformer-ranker package."""

from __future__ import annotations

import numpy as np
from claim import Claim, ratio

from harness.measure.transferability import log_me


def measure() -> list[Claim]:
    """Compare speed and value."""
    import torch
    from transformer_ranker.estimators.logme import LogME

    draw = np.random.default_rng(0)
    labels = draw.integers(77, size=5000)
    noise = draw.normal(size=(5000, 768)) * np.geomspace(1, 0.02, 768)
    features = (noise + 0.3 * draw.normal(size=(77, 768))[labels]).astype(np.float32)
    theirs = LogME().fit(torch.tensor(features), torch.tensor(labels))
    difference = abs(log_me(features, labels, 77) - theirs)
    faster = ratio(lambda: LogME().fit(torch.tensor(features), torch.tensor(labels)), lambda: log_me(features, labels, 77))
    return [
        Claim("LogME, times transformer-ranker's speed", faster, 4, at_least=True, unit="×"),
        Claim("difference to transformer-ranker's LogME", difference, 1e-5, at_least=False),
    ]
