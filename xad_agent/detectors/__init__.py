"""What learns normal and scores pictures: one detector a file."""
