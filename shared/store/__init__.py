"""Redis store shared by the API and the worker: address, connections, keys, scripts and queue."""
