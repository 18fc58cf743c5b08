"""Starts the chat app (Gradio); `xad app` starts the same."""

from xad_agent.app.launch import launch

if __name__ == "__main__":
    launch()
