"""The five documents that the project follows: every cell of each, in order."""
