"""Redis store shared by the API and the worker: address, connections, keys, functions and queue."""
