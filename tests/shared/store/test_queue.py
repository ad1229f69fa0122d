import base64
import json

from redis import Redis

from shared.settings import Settings
from shared.store.keys import QUEUE
from shared.store.queue import celery_app, publish


def test_message_is_json_without_arguments(settings: Settings, redis: Redis) -> None:
    app = celery_app(settings)
    publish(app, 3)
    app.close()
    messages = [json.loads(message) for message in redis.lrange(QUEUE, 0, -1)]
    assert len(messages) == 3
    for message in messages:
        assert message["content-type"] == "application/json"
        arguments, keywords, _ = json.loads(base64.b64decode(message["body"]))
        assert (arguments, keywords) == ([], {})
