"""How much bench reads of what somebody else wrote, before it refuses. docs/guide/tasks.md repeats the figures."""

from __future__ import annotations

from typing import Final

MAX_ROWS: Final = 5_000_000
MAX_BYTES: Final = 2_000_000_000  # of one file as it lies on the disk, and of all rows together as they stand in memory
MAX_COLUMNS: Final = 10_000
MAX_FIELD: Final = 1_000_000  # characters of one text or label
MAX_ROW: Final = 10_000_000  # characters of one row as it is written in a text file
MAX_DEPTH: Final = 100  # of lists and objects within one another
MAX_DIGITS: Final = 400  # of one whole number
MAX_PICTURE_BYTES: Final = 200_000_000  # of one encoded picture
MAX_PIXELS: Final = 89_478_485  # of one decoded picture; the figure at which Pillow begins to warn
PICTURE_FORMATS: Final = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF")
