"""One file for each quantity that bench measures."""
