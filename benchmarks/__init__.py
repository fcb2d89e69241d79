"""How fast the service is beside what people use today: `make bench`, and docs/benchmarks.md.

Everything is measured in one run, on one machine, with one client, and told as ratios: a number alone says more about
the machine than about the code.
"""
