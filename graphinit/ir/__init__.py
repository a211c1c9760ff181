"""What a network is, as data: sizes, types, op records, graphs."""
