"""What `baton export` makes of a service that doesn't tell all."""

import io
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from baton_standalone.gathering import CantGather, Services, write_document


class CutOff(BaseHTTPRequestHandler):
    """As a service answers whose reader took too long: without its last line, and without an end."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        line = b'{"lead_ids": ["a"]}\n'
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Tests speak for themselves."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), CutOff)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_service_that_cuts_off_is_told_as_such(url: str) -> None:
    with pytest.raises(CantGather, match=r"^ingest broke off before it had told all: try again, and look at its log$"):
        write_document(io.BytesIO(), "a", services=Services({"ingest": url}), now="2026-03-25T15:00:00Z")
