"""Files of named arrays: written whole or not at all, read without running anything."""
