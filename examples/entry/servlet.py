#!/usr/bin/env python3
"""A customer's servlet: whoever logs in to it by HTTP's basic authentication gets a name and a password for the gateway.

    ENTRY_SECRET=... PEOPLE='{"alice": "her password"}' servlet.py PORT KEY_ID     serves GET / on loopback
    ENTRY_SECRET=... servlet.py --print KEY_ID USER                                prints one, for a try

A page fetches them here, and hands them on to POST /api/v1/credentials of the gateway. Put TLS in front of it, and people's
passwords where you keep them: hashed.
"""
import base64
import binascii
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIFETIME_S = 60


def credential(key_id, user):
    """EXPIRY:USER:KEY_ID, and the base64 of its HMAC-SHA256."""
    name = f"{int(time.time()) + LIFETIME_S}:{user}:{key_id}"
    mac = hmac.new(os.environ["ENTRY_SECRET"].encode(), name.encode(), hashlib.sha256).digest()
    return {"username": name, "password": base64.b64encode(mac).decode()}


class Servlet(BaseHTTPRequestHandler):
    people, key_id = {}, ""

    def made_for(self, user):
        return credential(self.key_id, user)

    def do_GET(self):
        user = self.logged_in()
        if user is None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="phone"')
            self.end_headers()
            return
        made = self.made_for(user)
        if made is None:
            self.send_response(502)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(json.dumps(made).encode())

    def logged_in(self):
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        known = self.people.get(user, "")
        is_right = hmac.compare_digest(known.encode(), password.encode())
        return user if scheme.lower() == "basic" and known and is_right else None


def serve(servlet, port):
    servlet.people = json.loads(os.environ["PEOPLE"])
    server = ThreadingHTTPServer(("127.0.0.1", port), servlet)
    print(server.server_port, flush=True)
    server.serve_forever()


def main():
    if sys.argv[1] == "--print":
        print(json.dumps(credential(sys.argv[2], sys.argv[3])))
        return
    Servlet.key_id = sys.argv[2]
    serve(Servlet, int(sys.argv[1]))


if __name__ == "__main__":
    main()
