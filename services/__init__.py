"""One outside thing each: typed calls in, our errors out. Knows no handler, no user and no database of ours."""
