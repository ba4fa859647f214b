"""The steps of a run, from the files in landing to the archive, and the commands that maintain the tables."""
