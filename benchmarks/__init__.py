"""How fast the service is beside what people use today: `make bench`, and docs/benchmarks.md.

Everything is measured in one run, on one machine, with one client, and told as ratios: a number alone says more about
the machine than about the code. PostgreSQL waits for no disk, which is the same for all who write.

`loading` fills the databases, `peers` serves them, `driver` gives each `work` in turns to all who do it, by `wrk` or
our `own` client, `endurance` does what takes longer, `report` and `targets` tell what came of it.
"""
