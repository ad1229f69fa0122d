"""Sweeps and runs: submit, extend, retry, cancel, delete, read, list and stream their events."""
