"""Sweeps and runs: submit, extend, retry, cancel, delete, read, list and follow them."""
