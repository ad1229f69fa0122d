"""Measurement of how often the confidence intervals contain their targets, on simulated sweeps with known truth."""
