from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.errors import TaskError
from harness.load import picture
from harness.load.picture import encode, find_problem, is_picture, read_picture


def encoded(form: str, size: tuple[int, int] = (40, 30)) -> bytes:
    out = BytesIO()
    Image.effect_noise(size, 50).convert("RGB").save(out, form)
    return out.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF"])
def test_a_sound_picture_has_no_problem_and_a_cut_one_has(form: str) -> None:
    data = encoded(form)
    assert find_problem(data) == ""
    assert find_problem(data[: len(data) * 6 // 10])


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" + b"\0" * 50])
def test_other_bytes_are_no_picture(data: bytes) -> None:
    assert find_problem(data)


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
def test_a_decompression_bomb_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    monkeypatch.setattr(picture, "MAX_PIXELS", 500)
    assert "which would fill the memory; the limit is 500" in find_problem(encoded("PNG"))  # 1200 pixels: over twice the limit
    assert "which would fill the memory; the limit is 500" in find_problem(encoded("PNG", (30, 25)))


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 3), (5, 4, 4)])
def test_arrays_survive_encoding(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    assert np.array_equal(np.asarray(Image.open(BytesIO(encode(array)))), array.squeeze())


def test_pil_images_are_encoded() -> None:
    assert find_problem(encode(Image.new("L", (3, 3)))) == ""


@pytest.mark.parametrize("value", [np.zeros((4, 4)), np.zeros(4, np.uint8), 7, ["x"]])
def test_what_is_no_picture_is_refused(value: Any) -> None:
    with pytest.raises(TaskError, match="a picture is"):
        encode(value)


def test_the_same_bytes_have_the_same_digest_wherever_they_lie(tmp_path: Path) -> None:
    data = encoded("PNG")
    (tmp_path / "a.png").write_bytes(data)
    path = read_picture("a.png", tmp_path, tmp_path)
    assert path.content == str((tmp_path / "a.png").resolve())
    assert {
        path.digest,
        read_picture(data, tmp_path, None).digest,
        read_picture({"bytes": data, "path": None}, tmp_path, None).digest,
    } == {path.digest}
    assert read_picture(data, tmp_path, None).content == data


def test_a_missing_file_is_a_problem_and_one_outside_an_error(tmp_path: Path) -> None:
    assert read_picture("none.png", tmp_path, None).problem == "No such file or directory"
    with pytest.raises(TaskError, match="leaves the task folder"):
        read_picture("../x.png", tmp_path, tmp_path)


def test_what_looks_like_a_picture() -> None:
    yes = ["a.JPG", b"x", {"bytes": b"", "path": None}, np.zeros((2, 2)), Image.new("L", (1, 1))]
    assert all(map(is_picture, yes))
    assert not any(map(is_picture, ["word", 3, None, {}, {"a": 1}]))
