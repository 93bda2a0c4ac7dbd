"""The vendors, one file each. To add one: write its file beside these and name it in `registry.py`."""
