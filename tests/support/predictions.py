"""A small real model server for tests: TensorFlow Serving's predictions from a function, on a free loopback port."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from moatkeeper.core.query import FloatArray

Answering = Callable[[FloatArray, str], FloatArray | None]
"""Class scores for rows asked with a key, or None to refuse."""


@contextmanager
def predicting(answering: Answering) -> Iterator[str]:
    """The address of a server that answers with a function until the context is left."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one segment: two would wait for each other's acknowledgement

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            key = self.headers.get("Authorization", "").removeprefix("Bearer ")
            scores = answering(np.asarray(json.loads(body)["instances"], dtype=np.float64), key)
            document = {"error": "refused"} if scores is None else {"predictions": scores.tolist()}
            reply = json.dumps(document).encode()
            self.send_response(429 if scores is None else 200)
            self.send_header("Retry-After", "3600")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
