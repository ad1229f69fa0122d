"""Code that the API and the worker share: settings, the store, data sets and noise."""
