"""The part of Baton that every service shares, in four layers: kernel, leads, flow, service."""
