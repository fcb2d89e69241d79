"""Odd requests at every door, a million of them by `make fuzz`: none may crash, dawdle or tell of somebody else.

`python -m tests.fuzz` starts the service as in production and sends what the doors' modules make up (`scim`, `rest`,
`pages`, `staff`, `accounts`, `public`): requests with a grammar, most of them almost right. Request number n of a seed
is always the same one, but for the ids of the world that it meets; `world` makes that world, a new one every so often.
`judge` says what is wrong with an answer.
"""
