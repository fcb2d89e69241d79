"""The test suite: mirrors the apps; `services` starts the servers it runs on."""
