"""Scoring: captured leads and their activities in, scored leads with every reason out."""
