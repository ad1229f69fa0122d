"""The HTTP service: takes sweeps and runs, reads results, draws plots."""
