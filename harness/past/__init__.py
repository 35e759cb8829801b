"""What was measured before: the runs of a workspace, how two of them differ, and whether one is good enough to go on with.

Everything is read from records and predictions on the disk; no model is needed.
"""
