"""SLA arithmetic: what the facts about a lead say of its clocks. Pure: no I/O, and `now` is an argument."""
