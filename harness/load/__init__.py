"""From disk to nouns: workspaces, cards and plugins, tasks and their data."""
