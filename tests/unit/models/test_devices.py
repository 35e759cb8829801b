from __future__ import annotations

import pytest

from harness.errors import CandidateError
from harness.models.torch_module import pick_device


def test_the_cpu_is_always_there() -> None:
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") in {"cpu", "cuda", "mps"}


@pytest.mark.parametrize("wish", ["meta", "tpu", "", "cuda:99", "cpu:x"])
def test_a_device_that_cannot_compute_here_is_refused_in_three_lines(wish: str) -> None:
    with pytest.raises(CandidateError) as caught:
        pick_device(wish)
    assert len(str(caught.value).splitlines()) == 3
