# SPDX-License-Identifier: BSD-2-Clause
"""A small ACME server (RFC 8555) for certbot and lego: accounts, orders, dns-01. It believes every
signature, but no TXT: it asks the name server itself."""

import base64
import datetime
import hashlib
import http.server
import itertools
import json
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def b64(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def thumbprint(jwk):
    """RFC 7638."""
    members = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}[jwk["kty"]]
    text = json.dumps({m: jwk[m] for m in members}, sort_keys=True, separators=(",", ":"))
    return b64(hashlib.sha256(text.encode()).digest())


class Acme:
    """`look(name)`: the TXT strings at _acme-challenge.NAME. Use as a context; `directory` is its URL.

    `asked`: for each validation the wanted value and what stood there.
    """

    def __init__(self, look):
        self.look = look
        self.numbers = itertools.count(1)
        self.accounts, self.orders, self.authz = {}, {}, {}
        self.asked = []
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        self.root = self.sign(x509.CertificateBuilder().subject_name(self.name), self.key.public_key())
        acme = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.reply(200, acme.urls() if self.path == "/dir" else None)

            def do_HEAD(self):
                self.reply(200, None)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                protected = json.loads(unb64(body["protected"]))
                payload = json.loads(unb64(body["payload"]) or b"{}")
                status, document, headers = acme.post(self.path.split("/")[1:], protected, payload)
                self.reply(status, document, **headers)

            def reply(self, status, document, **headers):
                pem = isinstance(document, str)
                data = b"" if document is None else (document if pem else json.dumps(document)).encode()
                self.send_response(status)
                self.send_header("Replay-Nonce", b64(b"%016d" % next(acme.numbers)))
                self.send_header("Content-Type", "application/pem-certificate-chain" if pem else "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, text in headers.items():
                    self.send_header(name, text)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.top = "http://127.0.0.1:%d" % self.server.server_port
        self.directory = self.top + "/dir"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def url(self, *parts):
        return "/".join([self.top, *map(str, parts)])

    def urls(self):
        names = {"newNonce": "nonce", "newAccount": "account", "newOrder": "order"}
        return {name: self.url(path) for name, path in names.items()}

    def post(self, path, protected, payload):
        kind, number = path[0], int(path[1]) if len(path) > 1 else None
        if kind == "account":
            url = self.url("account", next(self.numbers))
            self.accounts[url] = protected.get("jwk")
            return 201, {"status": "valid"}, {"Location": url}
        if kind == "order" and number is None:
            number = self.new_order(payload["identifiers"])
            return 201, self.order(number), {"Location": self.url("order", number)}
        if kind == "order":
            return 200, self.order(number), {}
        if kind == "authz":
            return 200, self.authz[number], {}
        if kind == "challenge":
            self.validate(self.authz[number], self.accounts[protected["kid"]])
            up = '<%s>;rel="up"' % self.url("authz", number)
            return 200, self.authz[number]["challenges"][0], {"Link": up}
        if kind == "finalize":
            self.orders[number]["certificate"] = self.issue(unb64(payload["csr"]))
            return 200, self.order(number), {"Location": self.url("order", number)}
        if kind == "certificate":
            return 200, self.orders[number]["certificate"], {}
        return 404, {"type": "urn:ietf:params:acme:error:malformed", "detail": "no such thing"}, {}

    def new_order(self, identifiers):
        order = {"identifiers": identifiers, "authz": [], "certificate": None}
        for identifier in identifiers:
            number, name = next(self.numbers), identifier["value"]
            challenge = {
                "type": "dns-01",
                "status": "pending",
                "url": self.url("challenge", number),
                "token": b64(b"token%027d" % number),
            }
            self.authz[number] = {
                "identifier": {"type": "dns", "value": name[2:] if name.startswith("*.") else name},
                "wildcard": name.startswith("*."),
                "status": "pending",
                "expires": "2099-01-01T00:00:00Z",
                "challenges": [challenge],
            }
            order["authz"].append(number)
        number = next(self.numbers)
        self.orders[number] = order
        return number

    def order(self, number):
        order = self.orders[number]
        states = [self.authz[n]["status"] for n in order["authz"]]
        status = "ready" if set(states) == {"valid"} else "invalid" if "invalid" in states else "pending"
        document = {
            "status": "valid" if order["certificate"] else status,
            "expires": "2099-01-01T00:00:00Z",
            "identifiers": order["identifiers"],
            "authorizations": [self.url("authz", n) for n in order["authz"]],
            "finalize": self.url("finalize", number),
        }
        if order["certificate"]:
            document["certificate"] = self.url("certificate", number)
        return document

    def validate(self, authz, jwk):
        challenge = authz["challenges"][0]
        answer = "%s.%s" % (challenge["token"], thumbprint(jwk))
        want = b64(hashlib.sha256(answer.encode()).digest())
        found = self.look(authz["identifier"]["value"])
        self.asked.append((want, found))
        challenge["status"] = authz["status"] = "valid" if want in found else "invalid"

    def issue(self, csr):
        request = x509.load_der_x509_csr(csr)
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        leaf = x509.CertificateBuilder().subject_name(request.subject).add_extension(names, critical=False)
        return self.sign(leaf, request.public_key()) + self.root

    def sign(self, certificate, key):
        now = datetime.datetime.utcnow()
        certificate = certificate.issuer_name(self.name).public_key(key).serial_number(x509.random_serial_number())
        certificate = certificate.not_valid_before(now - datetime.timedelta(hours=1))
        certificate = certificate.not_valid_after(now + datetime.timedelta(days=90))
        return certificate.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
