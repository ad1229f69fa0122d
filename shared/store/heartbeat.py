"""The heartbeat of workers: how often they write it, and what its age means."""

# A worker writes its heartbeat at this interval.
BEAT_SECONDS = 5.0
# A worker is alive while its last heartbeat is at most this old: two in a row may be late or lost.
ALIVE_SECONDS = 15
# A worker that wrote no heartbeat for longer is no longer listed.
REMEMBERED_SECONDS = 3600
