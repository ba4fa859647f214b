"""Decide which change wins: plain data in, plain data out, no Spark."""
