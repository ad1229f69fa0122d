"""Benchmarks. Compare only values from the same run: absolute values depend on the machine."""
