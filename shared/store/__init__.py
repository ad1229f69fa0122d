"""The Redis store that the API and the worker share: address, connections, keys, scripts and queue."""
