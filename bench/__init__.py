"""Benchmarks that anyone can run: `make bench`. Figures are ratios of what was measured in one run, interleaved."""
