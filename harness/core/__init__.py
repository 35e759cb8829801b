"""The nouns: frozen, without I/O, light to import."""
