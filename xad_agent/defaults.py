"""What is chosen where nobody chooses; light, so that the command line can show it."""

STEPS = 2000  # batches that VQU-Net trains on
