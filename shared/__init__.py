"""What the API and the worker agree on: words, settings, keys, scripts, data and noise."""

__version__ = "0.1.0"
