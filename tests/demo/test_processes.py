from __future__ import annotations

import http.client
import socket
import sys
from pathlib import Path

import pytest

from moatkeeper.demo.processes import Command, Server, free_port
from moatkeeper.errors import MoatkeeperError


def web_server(port: int) -> Command:
    words = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    return Command("web server", words, f"http://127.0.0.1:{port}/")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def check_until_it_raises(server: Server) -> None:
    while True:
        server.check()


def test_a_server_answers_inside_the_context_and_is_gone_after_it(tmp_path: Path) -> None:
    port = free_port()
    with Server(web_server(port), tmp_path / "log") as server:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
        server.check()
    assert not listens(port)


def test_an_error_inside_the_context_stops_the_server_too(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(KeyboardInterrupt), Server(web_server(port), tmp_path / "log"):
        raise KeyboardInterrupt
    assert not listens(port)


def test_a_server_that_ends_before_it_is_ready_is_reported_with_its_last_words(tmp_path: Path) -> None:
    command = Command("broken server", [sys.executable, "-c", "raise SystemExit('no model found')"], "http://127.0.0.1:9/")
    with pytest.raises(MoatkeeperError, match=r"(?s)broken server ended with exit code 1.*no model found"):
        Server(command, tmp_path / "log").__enter__()


def test_a_server_that_ends_by_itself_is_noticed(tmp_path: Path) -> None:
    port = free_port()
    program = f"""
import http.server
server = http.server.HTTPServer(("127.0.0.1", {port}), http.server.SimpleHTTPRequestHandler)
server.handle_request()
server.handle_request()
"""
    command = Command("weary server", [sys.executable, "-c", program], f"http://127.0.0.1:{port}/")
    with Server(command, tmp_path / "log") as server:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()
        with pytest.raises(MoatkeeperError, match="weary server ended"):
            check_until_it_raises(server)


def test_a_server_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moatkeeper.demo.processes.STOP_TIMEOUT_S", 0.2)
    port = free_port()
    program = f"""
import http.server, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
http.server.HTTPServer(("127.0.0.1", {port}), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
    with Server(Command("deaf server", [sys.executable, "-c", program], f"http://127.0.0.1:{port}/"), tmp_path / "log"):
        assert listens(port)
    assert not listens(port)
