"""Pure functions that compute statistics, curves, summaries and sentences from metrics."""
