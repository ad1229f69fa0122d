"""Code shared by the API and the worker: settings, the store, data sets and noise."""
