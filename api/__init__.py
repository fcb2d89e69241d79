"""The scripts' door: a REST API to what an admin can read or do, opened by a key of type Torii API."""
