"""Checks of `noisesweep doctor`: this host and its configured store."""
