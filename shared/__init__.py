"""What the API and the worker agree on: settings, the store, data sets and noise."""
