"""Models that see, and what is computed from pixels alone: one file each."""
