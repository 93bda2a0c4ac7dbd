"""Conditions: the closed, typed vocabulary in which a playbook says `when`."""
