# SPDX-License-Identifier: BSD-2-Clause
"""A DNS proxy (TCP and UDP) between mailzone and a server: counts, captures, and lets a test
act at a chosen message, or change what passes."""

import socket
import struct
import threading

import dns.message
import dns.name

UPDATE = 5
QUERY = 0


def opcode(wire):
    return wire[2] >> 3 & 15


def zone_of(wire):
    """The name in the question (or zone) section."""
    labels, at = [], 12
    while wire[at]:
        labels.append(wire[at + 1 : at + 1 + wire[at]])
        at += 1 + wire[at]
    return dns.name.Name(labels + [b""]).canonicalize()


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            return None
        data += part
    return data


def read_frame(sock):
    head = read_exactly(sock, 2)
    if head is None:
        return None
    return read_exactly(sock, struct.unpack("!H", head)[0])


def write_frame(sock, wire):
    sock.sendall(struct.pack("!H", len(wire)) + wire)


class Cut(Exception):
    """Raised by a hook: the connection goes."""


class Answer:
    """What on_request returns to answer mailzone itself: octets as they go into the connection
    (frames() makes them); `close` ends the connection after them."""

    def __init__(self, octets, close=False):
        self.octets, self.close = octets, close


def frames(wires):
    return b"".join(struct.pack("!H", len(w)) + w for w in wires)


class Proxy:
    """Forwards between mailzone and the server at `port`.

    on_request(wire, number) and on_reply(wire, number) run before a message is passed on, one
    at a time; they return None to pass it unchanged, or a list of messages to pass instead
    (an empty one drops it); on_request may also return an Answer (over TCP). `number` counts the
    messages of that direction from 1.
    """

    def __init__(self, port, on_request=None, on_reply=None):
        self.server = ("127.0.0.1", port)
        self.on_request = on_request
        self.on_reply = on_reply
        self.requests = []
        self.replies = []
        self.errors = []
        self.lock = threading.Lock()
        self.closed = False
        self.sockets = set()
        self._listen()
        for target in (self._accept, self._udp):
            threading.Thread(target=target, daemon=True).start()

    def _listen(self):
        for _ in range(100):
            tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            tcp.bind(("127.0.0.1", 0))
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                tcp.close()
                udp.close()
                continue
            tcp.listen(512)
            self.tcp, self.udp = tcp, udp
            self.port = tcp.getsockname()[1]
            return
        raise RuntimeError("no free port for the proxy")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closed = True
        with self.lock:
            sockets = list(self.sockets)
        for sock in [self.tcp, self.udp] + sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def updates(self):
        """The UPDATE messages that mailzone sent. One without changes is a question (is this name
        in use? may this key update at all?) and does not count."""
        return [w for w in self.requests if opcode(w) == UPDATE and w[8:10] != b"\0\0"]

    def _pass(self, wire, seen, hook):
        with self.lock:
            seen.append(wire)
            if hook is None:
                return [wire]
            try:
                result = hook(wire, len(seen))
            except Cut:
                raise
            except Exception as error:  # a fault of the test: shown by its check of .errors
                self.errors.append(error)
                raise
        return [wire] if result is None else result

    def _accept(self):
        while not self.closed:
            try:
                client, _ = self.tcp.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.server, 5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.sockets |= {client, server}
            for source, sink, seen, hook in (
                (client, server, self.requests, "on_request"),
                (server, client, self.replies, "on_reply"),
            ):
                threading.Thread(
                    target=self._pump, args=(source, sink, seen, hook), daemon=True
                ).start()

    def _pump(self, source, sink, seen, hook):
        try:
            while True:
                wire = read_frame(source)
                if wire is None:
                    break
                result = self._pass(wire, seen, getattr(self, hook))
                if isinstance(result, Answer):
                    source.sendall(result.octets)
                    if result.close:
                        break
                    continue
                for out in result:
                    write_frame(sink, out)
        except (OSError, Cut):
            pass
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _udp(self):
        while not self.closed:
            try:
                wire, client = self.udp.recvfrom(65535)
            except OSError:
                return
            if len(wire) < 12:  # nothing, too: what a socket that is shut down gives
                continue
            threading.Thread(target=self._datagram, args=(wire, client), daemon=True).start()

    def _datagram(self, wire, client):
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(5)
                sock.connect(self.server)
                result = self._pass(wire, self.requests, self.on_request)
                if isinstance(result, Answer):
                    self.udp.sendto(result.octets[2:], client)
                    return
                for out in result:
                    sock.send(out)
                    reply = sock.recv(65535)
                    for back in self._pass(reply, self.replies, self.on_reply):
                        self.udp.sendto(back, client)
        except (OSError, Cut):
            pass
