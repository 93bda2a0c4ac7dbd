"""The commands of `baton`. Their modules import what they run inside the functions, so that `--help` is instant."""
