"""Celery app of a worker. Celery imports it from this module by name."""

from shared.settings import Settings
from shared.store.queue import celery_app
from worker import broker
from worker.presence import PresenceStep
from worker.reaper import ReaperStep

broker.install()
app = celery_app(Settings())
app.set_default()
app.conf.include = ["worker.tasks"]
app.steps["consumer"].update([ReaperStep, PresenceStep])
