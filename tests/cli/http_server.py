"""A web server that misbehaves on purpose, for test_fetch.

The first part of the path says how (the methods below named after it), the rest which file of `files` is meant:
/cut/model.gguf. `requests` keeps (path, Range header or None) of every request.
"""
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    def __init__(self):
        self.files = {}     # "model.gguf" or "name/config.json" -> bytes
        self.requests = []
        self.count = {}     # path -> how often it was asked for
        self.released = threading.Event()  # ends the stalls
        owner = self

        class Bound(Handler):
            server_state = owner

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self.http.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        state = self.server_state
        state.requests.append((self.path, self.headers.get("Range")))
        state.count[self.path] = self.n = state.count.get(self.path, 0) + 1
        self.close_connection = True
        _, how, name = (self.path.split("?")[0] + "//").split("/", 2)
        self.name = name.rstrip("/")
        self.body = state.files.get(self.name)
        if self.body is None:
            return self.error(404)
        self.etag = '"%s"' % hashlib.md5(self.body).hexdigest()
        try:
            getattr(self, "how_" + how.replace("-", "_"))()
        except (BrokenPipeError, ConnectionResetError):
            pass

    def error(self, status):
        text = b"<html>no</html>"
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def start(self):
        """The offset asked for, if the client still means this file."""
        wanted = self.headers.get("Range", "")
        if not wanted.startswith("bytes=") or self.headers.get("If-Range") != self.etag:
            return 0
        return int(wanted[6:].rstrip("-"))

    def answer(self, first=0, size=None, send=None, length=None, etag=True, more=()):
        """Headers and body of the file from `first`; the arguments bend the truth."""
        size = len(self.body) if size is None else size
        self.send_response(206 if first else 200)
        if length != "none":
            self.send_header("Content-Length", str(length if length is not None else size - first))
        if first:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (first, size - 1, size))
        if etag:
            self.send_header("ETag", self.etag)
        for line in more:
            self.send_header(*line)
        self.end_headers()
        self.wfile.write(self.body[first:] if send is None else self.body[first:first + send])

    def how_plain(self):
        if self.start() >= max(1, len(self.body)):
            return self.error(416)
        self.answer(self.start())

    def how_cut(self):  # a third of the file at most each time
        self.answer(self.start(), send=len(self.body) // 3 + 1)

    def how_cut_once(self):  # then the rest never comes
        first = self.start()
        self.answer(first, send=len(self.body) // 2 if not first else 0)

    def how_no_etag(self):  # cut, and nothing to recognise the file by
        self.answer(etag=False, send=len(self.body) // 2 if self.n == 1 else None)

    def how_weak(self):  # cut, with a validator that promises no bytes
        self.etag = "W/" + self.etag
        self.answer(self.start(), send=len(self.body) // 2 if self.n == 1 else None)

    def how_no_range(self):  # always from the start
        self.answer(send=len(self.body) // 2 if self.n == 1 else None)

    def how_changed(self):  # another file the second time
        if self.n > 1:
            self.body = self.body[:-1] + b"\1"
            self.etag = '"new"'
        self.answer(self.start(), send=len(self.body) // 2 if self.n == 1 else None)

    def how_stall(self):  # sends half, then nothing, the first time
        if self.n > 1:
            return self.answer(self.start())
        self.answer(send=len(self.body) // 2)
        self.wfile.flush()
        self.server_state.released.wait(60)

    def how_stall_always(self):
        self.server_state.released.wait(60)

    def how_lie_long(self):  # announces more than there is
        self.answer(self.start(), length=len(self.body) + 1000 - self.start())

    def how_lie_short(self):  # announces less
        self.answer(length=len(self.body) - 1000, send=len(self.body) - 1000)

    def how_lie_range(self):  # continues elsewhere than asked
        if self.start():
            return self.answer(first=7)
        self.answer(send=len(self.body) // 2 if self.n == 1 else None)

    def how_lie_size(self):  # continues a file of another size
        if self.start():
            return self.answer(first=self.start(), size=len(self.body) + 5)
        self.answer(send=len(self.body) // 2 if self.n == 1 else None)

    def how_huge(self):  # announces more than any disk holds
        self.answer(length=1 << 60, send=1000)

    def how_no_length(self):
        self.answer(length="none")

    def how_busy(self):  # 503, then well
        if self.n == 1:
            return self.error(503)
        self.answer()

    def how_broken(self):
        self.error(500)

    def how_forbidden(self):
        self.error(403)

    def redirect(self, to, more=()):
        self.send_response(302)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        for line in more:
            self.send_header(*line)
        self.end_headers()

    def how_loop(self):
        self.redirect(self.path)

    def how_to_file(self):
        self.redirect("file:///etc/passwd")

    def how_linked(self):  # as model hubs do: the hash comes with the redirection
        digest = hashlib.sha256(self.body).hexdigest()
        self.redirect("/cut/" + self.name, [("X-Linked-Etag", '"%s"' % digest),
                                           ("X-Linked-Size", str(len(self.body)))])

    def how_linked_wrong(self):
        self.redirect("/plain/" + self.name, [("X-Linked-Etag", '"%s"' % ("0" * 64))])

    def how_linked_size(self):
        self.redirect("/plain/" + self.name, [("X-Linked-Size", "12")])
