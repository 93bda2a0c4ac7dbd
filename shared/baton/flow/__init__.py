"""How events travel: the bus port and its three engines, the worker, the unit of work."""
