"""The Python client, synchronous and asynchronous."""
