"""Initializers; `graphinit.init` is their public face."""
