"""Whole service on one machine: launcher, process group and demo."""
