"""The chat app; needs the `app` extra."""
