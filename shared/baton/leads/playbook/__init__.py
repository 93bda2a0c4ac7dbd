"""The playbook: the one reviewed file set that people and services both read, loaded into values."""
