"""Plots. Each is built in two steps: a pure function returns its data, then a renderer draws it."""
