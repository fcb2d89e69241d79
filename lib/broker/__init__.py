"""Celery's brokers, Redis and a folder, made to outlive what they meet.

kombu's own transports end a worker over a message that can't be read and over a Redis that answers with an error.
`torii_settings.celery` registers these in their place.
"""
