"""A small HTTP server with one slow resource, which knows nothing of lastcall: python slow_server.py PORT."""

import http.server
import signal
import sys
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10  # an idle connection is closed then, and not before

    def do_GET(self):
        if self.path == "/report":
            time.sleep(1.5)
        found = self.path in ("/report", "/health")
        body = b"done\n" if found else b"not found\n"
        self.send_response(200 if found else 404)
        self.send_header("content-length", str(len(body)))
        if self.server.stopping:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # server_close() waits for those that are in their handlers
    stopping = False

    def stop(self, *_signal):
        self.stopping = True
        threading.Thread(target=self.shutdown).start()


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    signal.signal(signal.SIGTERM, server.stop)
    server.serve_forever(poll_interval=0.05)
    server.server_close()
