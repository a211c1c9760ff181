"""Parts of the command line: targets, output formats, pages on errors, watching files."""
