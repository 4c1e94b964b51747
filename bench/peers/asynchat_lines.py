"""The same on CPython's asynchat (removed from Python 3.12 on): asynchat_lines.py PORT lines|echo."""
import asynchat
import asyncore
import socket
import sys

PORT, MODE = int(sys.argv[1]), sys.argv[2]


class Lines(asynchat.async_chat):
    ac_in_buffer_size = ac_out_buffer_size = 65536

    def __init__(self, sock):
        super().__init__(sock)
        self.set_terminator(b"\r\n")
        self.parts, self.lines = [], 0

    def collect_incoming_data(self, data):
        self.parts.append(data)

    def found_terminator(self):
        line, self.parts = b"".join(self.parts), []
        if line == b".":
            self.push(b"%d\r\n" % self.lines)
            self.lines = 0
            return
        self.lines += 1
        if MODE == "echo":
            self.push(line + b"\r\n")


class Server(asyncore.dispatcher):
    def __init__(self):
        super().__init__()
        self.create_socket()
        self.set_reuse_addr()
        self.bind(("127.0.0.1", PORT))
        self.listen(128)

    def handle_accepted(self, sock, _address):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Lines(sock)


Server()
asyncore.loop(use_poll=True)
