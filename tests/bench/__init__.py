"""Measurements: Baton next to a bare pipeline with the same hops, in the same run."""
