"""Celery workers that claim runs, train them with TensorFlow and commit every epoch."""
