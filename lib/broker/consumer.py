"""The part of a Celery worker that takes messages, made to go on after one that it can't make sense of."""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker import consumer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# Its stubs leave out what is used here.
CeleryConsumer: Any = consumer.Consumer


class Consumer(CeleryConsumer):
    """Sets aside a message that is not Celery's, asks for a task that this code doesn't have, or can't be decoded.

    A task that is unknown now may be one of the next release's: the message is kept for whoever looks.
    """

    def on_unknown_message(self, body: Any, message: Any) -> None:
        self._set_aside(message, "not a message of Celery's")

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._set_aside(message, f"unknown task {exc}")

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._set_aside(message, type(exc).__name__)

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._set_aside(message, type(exc).__name__)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Return what takes each message. Whatever a message makes Celery stumble over, only the message is at fault.

        A KeyError counts as a lost connection to kombu: the message would be taken and put back without end.
        """
        receive = super().create_task_handler(*args, **kwargs)

        def take(message: Any) -> None:
            try:
                receive(message)
            except (OSError, RedisError):
                raise
            except Exception as error:
                logger.exception("A message can't be received")
                self._set_aside(message, type(error).__name__)

        return take

    def _set_aside(self, message: Any, fault: str) -> None:
        message.channel.set_message_aside(message, fault)
        message.reject_log_error(logger, self.connection_errors)
