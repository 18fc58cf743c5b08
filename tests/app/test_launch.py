"""Who may come in, and what cannot be started."""

import socket

import pytest

from xad_agent.app.launch import LOGIN, _login
from xad_agent.errors import XadError


def test_this_machine_needs_no_login_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LOGIN, raising=False)
    assert _login("127.0.0.1") is None
    with pytest.raises(XadError, match="set XAD_LOGIN=USER:PASSWORD"):
        _login("0.0.0.0")
    monkeypatch.setenv(LOGIN, "ada:love:lace")
    assert _login("0.0.0.0") == _login("127.0.0.1") == ("ada", "love:lace")


@pytest.mark.parametrize("given", ["ada", "ada:", ":lovelace", ":"])
def test_half_a_login_is_told(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(LOGIN, given)
    with pytest.raises(XadError, match="is not USER:PASSWORD"):
        _login("127.0.0.1")


def test_a_port_that_is_taken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    from xad_agent.app.launch import launch

    monkeypatch.delenv(LOGIN, raising=False)
    for name in ("GRADIO_ANALYTICS_ENABLED", "GRADIO_TEMP_DIR"):
        monkeypatch.setenv(name, "")  # so that it is put back
    before = signal.getsignal(signal.SIGTERM)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(XadError, match=f"port {port} of 127.0.0.1 cannot be used"):
            launch(port=port)
    assert signal.getsignal(signal.SIGTERM) is before
