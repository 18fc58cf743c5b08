"""What is chosen where nobody chooses; light, so that the command line can show it."""

STEPS = 4500  # batches that VQU-Net trains on: half an hour at width 16 on one core
SECONDS = 120.0  # that a question may take
UPLOAD_MB = 200.0  # the largest file that a server takes
EXPLAINED = 4  # pictures of each type whose explanations `xad eval faithfulness` tries
