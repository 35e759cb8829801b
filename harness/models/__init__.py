"""Loaded models: small protocols, and one file for each library that bench speaks to."""
