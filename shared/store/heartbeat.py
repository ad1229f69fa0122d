"""Intervals of the worker heartbeat, in seconds."""

# Interval between heartbeats.
BEAT_SECONDS = 5.0
# A worker counts as alive while its last heartbeat is at most this old: two heartbeats in a row may be lost.
ALIVE_SECONDS = 15
# A worker whose last heartbeat is older is not listed.
LISTED_SECONDS = 3600
