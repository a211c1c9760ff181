"""How pictures are made: words, DOT text, layout."""
