"""Bytes become lines, lines become events, events become flat rows: plain Python, no Spark."""
