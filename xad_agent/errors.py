"""The one error a user is meant to read, and those of a tool or a chat model that broke off."""


class ToolError(Exception):
    """A tool broke off: a defect of ours, or of a model's own code. The answer goes on with what was measured."""


class ModelError(Exception):
    """A chat model gave no reply, in one line without anything secret. The answer goes on with what was measured."""


class XadError(Exception):
    """Something the user can mend.

    The message is one line that says what went wrong, where, and what to do. The command line prints it without a
    traceback and exits with `exit_code`: 1 when the work failed, 2 when the call was wrong.
    """

    def __init__(self, message: str, *, exit_code: int = 1):
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code
