"""The way from an older pipeline to this one, as commands for the reader to run; nothing is executed here."""
