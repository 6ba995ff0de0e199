"""Lists of hits in, one ordered list with an explanation per hit out. Knows no source, no budget and no wire."""
