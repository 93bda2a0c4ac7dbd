"""Replaying what was recorded under another playbook, and what comes out otherwise."""
