"""From trials to records: what to run, and the processes that run it."""
