"""Convert bytes to lines, lines to events, events to flat rows: plain Python, no Spark."""
