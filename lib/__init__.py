"""The ground: code that knows nothing of organizations, and imports nothing of ours."""
