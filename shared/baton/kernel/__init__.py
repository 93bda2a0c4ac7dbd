"""The bottom layer: ids, the clock, business time. Knows nothing of leads."""
