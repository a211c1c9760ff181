"""Recorded computations: what happens inside `graphinit.autograd.record`, as a graph in the making."""
