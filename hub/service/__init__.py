"""Use cases: accepting a request, keeping it, answering once. Talks to the world through hub.ports only."""
