"""Work on graphs: inference, verification, differentiation, rewriting, planning."""
