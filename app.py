"""Starts the chat app (Gradio): the same as `xad app`, with the same options."""

import sys

from xad_agent.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "app")
    main()
