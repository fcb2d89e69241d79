"""Mail that leaves later: written down in the request's transaction, sent by a worker. It knows no organization."""
