"""One picture: bytes, an array, a PIL image or a path, made into what a row holds, and checked."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import TaskError
from harness.load.place import inside

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was read: what the row holds, the hash of its bytes, and what is wrong with it, if anything."""

    content: str | bytes
    digest: str
    problem: str = ""


def is_picture(value: object) -> bool:
    """Tell whether a cell holds a picture, in any of the ways it can."""
    if isinstance(value, str):
        return value.lower().endswith(SUFFIXES)
    if isinstance(value, Mapping):
        return set(value) <= {"bytes", "path"} and bool(value)
    return isinstance(value, bytes) or hasattr(value, "tobytes")


def read_picture(value: Any, base: Path, fence: Path | None) -> Picture:  # noqa: ANN401 - a user's function may return anything
    """Read a picture once: hash its bytes and check that it can be decoded.

    Paths are relative to `base`, and may not leave `fence`.

    Raises:
        TaskError: when the value is no picture at all, or a path leaves the folder.
    """
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path") or ""
    if isinstance(value, str | Path):
        path = (base / Path(value).expanduser()).absolute()
        path = inside(fence, str(path)) if fence else path
        try:
            data = path.read_bytes()
        except OSError as error:
            return Picture(str(path), "", error.strerror or "cannot be read")
        return Picture(str(path), _digest(data), find_problem(data))
    data = value if isinstance(value, bytes) else encode(value)
    return Picture(data, _digest(data), find_problem(data))


def encode(value: Any) -> bytes:  # noqa: ANN401 - a user's function may return anything
    """Return the PNG bytes of a `uint8` array `(height, width)` or `(height, width, 1|3|4)`, or of a PIL image.

    Raises:
        TaskError: when the value is something else.
    """
    from PIL import Image  # noqa: PLC0415 - only image tasks pay for it

    if hasattr(value, "dtype"):
        if str(value.dtype) != "uint8" or value.ndim not in {2, 3}:
            msg = f"a picture is an array of {value.dtype} with shape {tuple(value.shape)}"
            raise TaskError(msg, hint="return uint8 arrays (height, width) or (height, width, 3) with values 0 to 255")
        value = Image.fromarray(value[:, :, 0] if value.ndim == 3 and value.shape[2] == 1 else value)
    if not isinstance(value, Image.Image):
        msg = f"a picture is {type(value).__name__}"
        raise TaskError(msg, hint="give a path, encoded bytes, a uint8 array or a PIL image")
    out = BytesIO()
    value.save(out, format="PNG")
    return out.getvalue()


def find_problem(data: bytes) -> str:
    """Return why a picture cannot be decoded, or nothing; also of one so large that decoding it would exhaust memory."""
    from PIL import Image  # noqa: PLC0415 - only image tasks pay for it

    try:
        with Image.open(BytesIO(data)) as image:
            _decode(image)
    # What Pillow's decoders raise for bytes that are not what they claim to be.
    except (
        OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, MemoryError,
        struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
    ) as error:  # fmt: skip
        return "not a picture" if type(error).__name__ == "UnidentifiedImageError" else str(error) or type(error).__name__
    return ""


def _decode(image: Image.Image) -> None:
    """Go through all bytes: PNG has checksums, a JPEG is decoded at an eighth of its size, others whole."""
    if image.format == "PNG":
        image.verify()
        return
    image.draft("RGB", (max(1, image.width // 8), max(1, image.height // 8)))
    image.load()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
