"""A web server that outlives its workers: granian in processes that are watched, replaced and stopped gracefully.

Granian's own main process ends when a worker dies twice in six seconds, forgets a SIGTERM that comes while it replaces
one, shares its port with leftovers of an earlier run, and closes idle connections on which a request may be on its way
(docs/decisions/0030-web-processes.md). Here `supervisor` keeps the workers, `worker` serves in each of them, `listener`
has the sockets that they accept from, and `connections` looks at those that a worker has accepted.
"""
