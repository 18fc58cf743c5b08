"""Batch evaluation and benchmarks: what the project claims of itself, measured."""
