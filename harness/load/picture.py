"""One picture: bytes, an array, a PIL image or a path, made into what a row holds, and checked."""

from __future__ import annotations

import hashlib
import re
import stat
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.bounds import MAX_PICTURE_BYTES, MAX_PIXELS, PICTURE_FORMATS
from harness.errors import TaskError
from harness.load.place import inside, show, to_path
from harness.load.table import kind_of

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff")
NUMBERS = ("I", "F")
_ARRAYS = "uint8 arrays (height, width) or (height, width, 3) with values 0 to 255"


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
        path = (base / to_path(str(value), TaskError, show(base))).absolute()
        path = inside(fence, str(path)) if fence else path
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                return Picture(str(path), "", "not a plain file")
            with path.open("rb") as stream:
                data = stream.read(MAX_PICTURE_BYTES + 1)
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
        if not is_pixels(value):
            msg = f"a picture is an array of {value.dtype} with shape {tuple(value.shape)}"
            raise TaskError(msg, hint=f"return {_ARRAYS}")
        value = Image.fromarray(value[:, :, 0] if value.ndim == 3 and value.shape[2] == 1 else value)
    if not isinstance(value, Image.Image):
        msg = f"a picture is {kind_of(value)}"
        raise TaskError(msg, hint=f"give a path, encoded bytes, a PIL image, or {_ARRAYS}")
    out = BytesIO()
    try:
        value.save(out, format="PNG")
    except (OSError, ValueError) as error:  # kinds of pixels that PNG has no form for
        msg = f"a picture of kind {value.mode} and size {value.width} × {value.height} cannot be kept"
        raise TaskError(msg, hint='convert it: image.convert("RGB")') from error
    return out.getvalue()


def is_pixels(array: Any) -> bool:  # noqa: ANN401 - an array of whatever library
    """Tell whether an array can be a picture."""
    if str(array.dtype) != "uint8" or not array.size:
        return False
    return bool(array.ndim == 2 or (array.ndim == 3 and array.shape[2] in {1, 3, 4}))


def find_problem(data: bytes) -> str:
    """Return why a picture cannot be decoded, or nothing; also of one so large that decoding it would exhaust memory."""
    from PIL import Image  # noqa: PLC0415 - only image tasks pay for it

    if len(data) > MAX_PICTURE_BYTES:
        return f"over {MAX_PICTURE_BYTES:,} bytes, the limit; store it smaller"
    try:
        with Image.open(BytesIO(data), formats=PICTURE_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                return _too_large(image.width * image.height)
            if image.mode in NUMBERS:
                return "32-bit numbers for pixels, whose range is not known; store it with 8 or 16 bits"
            if image.format == "PNG":
                _verify(data)
            _decode(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return _too_large(int(next(iter(re.findall(r"\d+", str(error))), 0)))
    # What Pillow's decoders raise for bytes that are not what they claim to be.
    except (
        OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, MemoryError,
        struct.error, zlib.error, SystemError, AttributeError, AssertionError, RecursionError,
    ) as error:  # fmt: skip
        return "not a picture" if type(error).__name__ == "UnidentifiedImageError" else str(error)[:200] or type(error).__name__
    return ""


def _verify(data: bytes) -> None:
    """Compare the checksums of a PNG file, which decoding alone does not."""
    from PIL import Image  # noqa: PLC0415 - only image tasks pay for it

    with Image.open(BytesIO(data), formats=("PNG",)) as image:
        image.verify()


def _too_large(pixels: int) -> str:
    return f"{pixels:,} pixels, which would fill the memory; the limit is {MAX_PIXELS:,}; store it smaller"


def _decode(image: Image.Image) -> None:
    """Go through all bytes of the first frame, as a candidate will; a JPEG is decoded at an eighth of its size, others whole."""
    image.draft("RGB", (max(1, image.width // 8), max(1, image.height // 8)))
    image.load()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
