"""Checks for authors of candidates and tasks: what each looks at, and the processes in which candidates are looked at."""
