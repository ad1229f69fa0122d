"""The Celery app of a worker. Its processes find it here by name."""

from shared.settings import Settings
from shared.store.queue import celery_app
from worker import broker
from worker.presence import Announcing
from worker.reaper import Reaping

broker.install()
app = celery_app(Settings())
app.set_default()
app.conf.include = ["worker.tasks"]
app.steps["consumer"].update([Reaping, Announcing])
