"""One array in one file of the cache: a head of fixed size, then the raw numbers. Nothing in it is ever run.

The head says what the file is, which key it belongs to and which shape it has; its checksum is over all of that and the numbers.
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

# Magic, version of the form, type of the numbers, layers, rows, width, key; then the checksum, and zeros up to 128 bytes.
_FACTS = struct.Struct("<8sI4s3Q32s")
_CHECKSUM = 32
_HEAD_BYTES = 128
_MAGIC, _VERSION, _DTYPE = b"\x89benchF\n", 1, b"<f4\0"
_BLOCK = 2**22


class Damaged(ValueError):  # noqa: N818 - a state of a file
    """A file is not the entry that it should be."""


def size_of(features: Floats) -> int:
    """Return how many bytes the file of an array has."""
    return _HEAD_BYTES + features.nbytes


def write(stream: BinaryIO, key: str, features: Floats) -> None:
    """Write an array `(layers, n, d) float32`; no second copy is made of one that lies in order.

    Raises:
        ValueError: it is no such array.
        OSError: it cannot be written.
    """
    import numpy as np  # noqa: PLC0415 - counting and clearing entries does not need it

    if features.dtype != np.float32 or features.ndim != 3 or not features.size:
        msg = f"features are float32 of shape (layers, n, d), not {features.dtype} of shape {features.shape}"
        raise ValueError(msg)
    data = np.ascontiguousarray(features, "<f4").reshape(-1).view(np.uint8).data
    facts = _FACTS.pack(_MAGIC, _VERSION, _DTYPE, *features.shape, bytes.fromhex(key))
    total = hashlib.sha256(facts)
    total.update(data)
    stream.write((facts + total.digest()).ljust(_HEAD_BYTES, b"\0"))
    for start in range(0, len(data), _BLOCK):
        stream.write(data[start : start + _BLOCK])


def read(stream: BinaryIO, key: str) -> Floats:
    """Return the array, whose every byte has been checked; memory is taken for it once.

    Raises:
        Damaged: the file is torn, of another form or key, or a byte of it has changed.
    """
    import numpy as np  # noqa: PLC0415 - as above

    shape, total, checksum = _read_head(stream, key)
    features = np.empty(shape, "<f4")
    data = features.reshape(-1).view(np.uint8).data
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        if stream.readinto(block) != len(block):  # type: ignore[attr-defined]
            raise Damaged("it is shorter than its head says")
        total.update(block)
    _compare(total, checksum)
    return features.astype(np.float32, copy=False)


def verify(stream: BinaryIO, key: str) -> None:
    """Check every byte, a block at a time.

    Raises:
        Damaged: as for `read`.
    """
    _, total, checksum = _read_head(stream, key)
    for block in _blocks(stream):
        total.update(block)
    _compare(total, checksum)


def _read_head(stream: BinaryIO, key: str) -> tuple[tuple[int, int, int], hashlib._Hash, bytes]:
    head = stream.read(_HEAD_BYTES)
    if len(head) != _HEAD_BYTES:
        raise Damaged("it ends within its head")
    magic, version, dtype, layers, rows, width, owner = _FACTS.unpack_from(head)
    facts, rest = head[: _FACTS.size], head[_FACTS.size :]
    if (magic, version, dtype) != (_MAGIC, _VERSION, _DTYPE) or any(rest[_CHECKSUM:]):
        raise Damaged("it is no entry of this form")
    if owner.hex() != key:
        raise Damaged("it belongs to another key")
    shape = layers, rows, width
    if 0 in shape or os.fstat(stream.fileno()).st_size != _HEAD_BYTES + 4 * math.prod(shape):
        raise Damaged("its length is not what its head says")
    return shape, hashlib.sha256(facts), rest[:_CHECKSUM]


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block


def _compare(total: hashlib._Hash, checksum: bytes) -> None:
    if total.digest() != checksum:
        raise Damaged("its checksum is wrong")
