"""Data sets: which there are, their upload, and their arrays for pictures."""
