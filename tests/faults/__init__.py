"""Faults under load: everything is killed once, and every accepted lead is found again, once."""
