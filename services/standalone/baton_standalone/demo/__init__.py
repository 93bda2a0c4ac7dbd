"""Believable leads: people, their senders' wire formats, and a stream of what happens in a few minutes."""
