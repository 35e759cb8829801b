"""Where `bench` begins: before any library is imported, so that Ctrl-C in that very moment ends it without a traceback."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; see `harness.cli`."""
    try:
        from harness.cli import main as run  # noqa: PLC0415 - importing it is what may be interrupted

        run()
    except BaseException as error:
        from harness.errors import is_interrupt  # noqa: PLC0415 - as above

        if is_interrupt(error):
            sys.exit(130)
        raise


if __name__ == "__main__":
    main()
