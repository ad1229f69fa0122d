"""The Celery app of a worker. Its processes find it here by name."""

from shared.queue import celery_app
from shared.settings import Settings

app = celery_app(Settings())
app.set_default()
app.conf.include = ["worker.tasks"]
