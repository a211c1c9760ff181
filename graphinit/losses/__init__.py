"""Losses by what they compare; `graphinit.loss` names them all."""
