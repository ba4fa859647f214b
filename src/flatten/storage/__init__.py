"""Where files are: a directory (a `/Volumes/...` path is one) or a prefix of a bucket."""
