"""Starts `dit serve` on a free port and asks it over HTTP, with the standard library alone."""
import http.client
import json
import os
import signal
import socket
import subprocess
import time


def free_port():
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A started server; `token` goes with requests."""

    def __init__(self, program, *options, port=None, token=None, log=None, seconds=60):
        self.port, self.token = port or free_port(), token
        self.address = f"http://127.0.0.1:{self.port}"
        environment = {name: value for name, value in os.environ.items() if name != "DIT_TOKEN"}
        with open(log, "ab") if log else open(os.devnull, "wb") as output:
            self.process = subprocess.Popen(
                [str(program), "serve", "--port", str(self.port), *options],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment)
        end = time.monotonic() + seconds
        while self.health() != 200:
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop(signal.SIGKILL)
                text = f": {open(log, errors='replace').read()}" if log else ""
                raise AssertionError(f"the server did not start{text}")
            time.sleep(0.05)

    def health(self):
        """The status of /healthz; None if nothing answers."""
        try:
            return self.ask("GET", "/healthz")[0]
        except (OSError, http.client.HTTPException):
            return None

    def ask(self, method, path, body=None, timeout=60, **headers):
        """Sends a request: status, body (of JSON its value), and headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = body if isinstance(body, (bytes, str)) else json.dumps(body)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
            if (answer.getheader("Content-Type") or "").startswith("application/json"):
                data = json.loads(data)
            return answer.status, data, dict(answer.getheaders())
        finally:
            connection.close()

    def stop(self, number=signal.SIGTERM):
        """Ends the server and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=60)
