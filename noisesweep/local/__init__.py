"""The whole service on one machine: the launcher, its process group, and the demo."""
