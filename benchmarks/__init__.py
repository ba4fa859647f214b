"""Measure the job and the Lambda next to common alternatives: `make bench`.

Each module is one benchmark and runs alone: `python -m benchmarks.flatten --help`. `recipes` has the alternatives.
"""
