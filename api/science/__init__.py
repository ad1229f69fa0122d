"""Pure functions from metrics to statistics, curves, summaries and sentences."""
