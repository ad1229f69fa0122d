"""HTTP service: accepts sweeps and runs, returns results, draws plots."""
