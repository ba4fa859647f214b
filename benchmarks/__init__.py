"""The job and the Lambda measured, side by side with what people would use instead: `make bench`.

Each module is one benchmark and runs alone: `python -m benchmarks.flatten --help`. `recipes` holds the others' ways.
"""
