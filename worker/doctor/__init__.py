"""Checks of `noisesweep doctor`: this host, and the store it is configured for."""
