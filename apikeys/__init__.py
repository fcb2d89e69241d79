"""Keys that open the APIs: generated, shown once, checked on every request, reminded of, deleted."""
