"""Messages that no worker can read: they are set aside where a person can look at them, logged and counted."""

import logging
from typing import Any

from kombu.transport import virtual
from kombu.utils.json import dumps, loads

logger = logging.getLogger(__name__)

# What is kept of one message, and how many messages are kept.
KEPT_BYTES = 64 * 1024
KEPT_MESSAGES = 1000


class SetsAside:
    """A kombu channel that sets aside what can't be read."""

    def keep(self, name: str, raw: bytes) -> None:
        """Keep the message beside the queue. `name` is only a hint for a person."""
        raise NotImplementedError

    def count_set_aside(self) -> int:
        """Return how many messages are kept beside the queue; at most KEPT_MESSAGES of them in Redis."""
        raise NotImplementedError

    def set_aside(self, name: str, raw: bytes, fault: str) -> None:
        """Keep a message that is no longer in its queue, and say so in the log, without its contents."""
        logger.error("Message %s can't be read and is set aside: %s", name, fault)
        self.keep(name, raw[:KEPT_BYTES])

    def set_message_aside(self, message: Any, fault: str) -> None:
        """Set aside a kombu message. The caller still has to acknowledge or reject it."""
        self.set_aside(str(message.delivery_tag), dumps(message._raw).encode(), fault)


def fault_of(raw: bytes, channel: virtual.Channel) -> str:
    """Return why a message as it lies in a queue can't be delivered, or nothing if it can."""
    try:
        message = virtual.Message(loads(raw.decode()), channel=channel)
        info = message.delivery_info
        addresses = (message.delivery_tag, info["exchange"], info["routing_key"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return type(error).__name__
    return "" if all(isinstance(address, str) for address in addresses) else "no address"
