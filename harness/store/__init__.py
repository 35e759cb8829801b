"""Nouns to disk and back: a run's folder, its journal and its predictions."""
