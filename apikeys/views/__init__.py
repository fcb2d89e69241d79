"""Settings > API Access: an admin's keys, from the moment one is shown until it is deleted."""
