"""Ways to use a model on a task, one file each."""
