"""Where a worker process begins. Light, because the parent names it without the libraries that the work needs."""

from __future__ import annotations

from multiprocessing.connection import Connection

from harness.execute.job import Job
from harness.execute.uplink import Uplink


def begin(job: Job, messages: Connection) -> None:
    """Run a job and send its records up the pipe."""
    from harness.execute.worker import main  # noqa: PLC0415 - imports torch, which the parent never does

    main(job, Uplink(messages))
