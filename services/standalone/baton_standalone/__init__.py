"""All of Baton in one process: the four apps, the simulator and the command line."""
