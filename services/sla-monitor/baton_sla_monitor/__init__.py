"""SLA monitor: runs the clocks, warns before a miss, records a breach the moment it happens."""
