"""kombu's Redis transport, which waits for a Redis that answers with an error as it waits for one that is away.

A failover (READONLY, LOADING, MASTERDOWN), a full memory (OOM), a password that is being changed (NOAUTH, WRONGPASS)
and a script that runs for too long (BUSY) all pass. kombu takes most of these answers for faults of the caller, and a
worker that meets one ends.
"""

import logging
from typing import Any

from kombu.transport import redis, virtual
from kombu.utils.json import dumps
from redis import Redis
from redis.exceptions import ConnectionError, OutOfMemoryError, RedisError  # noqa: A004 - kombu knows this one

from lib.broker.unreadable import KEPT_MESSAGES, SetsAside, fault_of

logger = logging.getLogger(__name__)

UNREADABLE = "unreadable-messages"

# What is overridden here is private, and not in the stubs.
RedisChannel: Any = redis.Channel
RedisQoS: Any = redis.QoS
RedisClient: Any = Redis


class Channel(RedisChannel, SetsAside):
    """A channel on which a message that can't be read, a full memory and a closed connection are nobody's end."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        # kombu 5.7 stumbles over None instead: a worker that loses Redis with a message in hand can neither acknowledge
        # the message nor put it back, and takes that AttributeError for its own.
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("The connection to Redis is closed.")
        parameters: dict[str, Any] = super()._connparams(asynchronous)
        return parameters

    def _get_client(self) -> Any:
        channel = self

        class Client(RedisClient):
            """What kombu talks to Redis through, with a look at what comes out of a queue."""

            def ping(self, **kwargs: Any) -> bool:
                # kombu pings to find out whether a new connection is of use. One to a replica isn't, so this writes.
                # DEL is the write that a full Redis allows: workers must be able to make room.
                self.delete(f"{UNREADABLE}:probe")
                return True

            def pipeline(self, transaction: bool = False, shard_hint: Any = None) -> Any:
                # A full Redis refuses every command after MULTI, even those that make room, such as acknowledging.
                return super().pipeline(transaction, shard_hint)

            def parse_response(self, connection: Any, command_name: str, **options: Any) -> Any:
                answer = super().parse_response(connection, command_name, **options)
                if answer and command_name in ("BRPOP", "RPOP"):
                    raw = answer[1] if command_name == "BRPOP" else answer
                    if fault := fault_of(raw, channel):
                        channel.set_aside(command_name, raw, fault)
                        return None
                return answer

        return Client

    def _queue_bind(self, *args: Any) -> None:
        # Tasks are sent to their queue by name. Only remote control needs bindings, and is no reason not to work.
        try:
            super()._queue_bind(*args)
        except OutOfMemoryError as error:
            logger.warning("A queue can't be bound: %s", error)

    def _deliver_fanout_message(self, message: Any, exchange: str) -> Any:
        if fault := fault_of(dumps(message).encode(), self):
            self.set_aside(exchange, dumps(message).encode(), fault)
            return False
        return super()._deliver_fanout_message(message, exchange)

    def keep(self, name: str, raw: bytes) -> None:
        with self.conn_or_acquire() as client:
            try:
                client.lpush(UNREADABLE, raw)
                client.ltrim(UNREADABLE, 0, KEPT_MESSAGES - 1)
            except OutOfMemoryError:
                logger.error("Message %s is lost: Redis is full", name)

    def count_set_aside(self) -> int:
        with self.conn_or_acquire() as client:
            return int(client.llen(UNREADABLE))

    class QoS(RedisQoS):
        """Which messages are in whose hands."""

        def append(self, message: Any, delivery_tag: str) -> None:
            try:
                super().append(message, delivery_tag)
            except OutOfMemoryError:
                # Nobody gets the message again if this worker is killed. To stop here would keep Redis full for good
                # if it is the queue that fills it.
                logger.warning("A message can't be noted as taken: Redis is full")
                virtual.QoS.append(self, message, delivery_tag)

        def restore_visible(self, *args: Any, **kwargs: Any) -> None:
            try:
                super().restore_visible(*args, **kwargs)
            except OutOfMemoryError as error:
                logger.warning("Messages of killed workers can't be put back: %s", error)

        def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
            try:
                super().restore_by_tag(tag, client=client, leftmost=leftmost)
            except (ValueError, TypeError, AttributeError) as error:
                with self.channel.conn_or_acquire(client) as client:
                    raw = client.hget(self.unacked_key, tag) or b""
                    self._remove_from_indices(tag).execute()
                self.channel.set_aside(str(tag), raw, type(error).__name__)


class Transport(redis.Transport):
    """The transport of `redis://` and `rediss://`."""

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, RedisError)
