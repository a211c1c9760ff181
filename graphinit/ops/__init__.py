"""Ops, one record each; importing this package registers them all."""
