"""What a database makes for itself, and what must not outlive a move: neither is carried from one to another."""

# `migrate` makes content types and permissions, with ids of their own. Triggers count members as they are loaded.
# Whoever is signed in here has no session there, and the links in mails that wait lead here.
NOT_CARRIED = ["contenttypes", "auth.permission", "members.headcount", "outbox", "sessions"]
