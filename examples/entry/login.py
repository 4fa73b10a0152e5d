#!/usr/bin/env python3
"""A customer's servlet that asks the gateway: whoever logs in to it by HTTP's basic authentication gets what the edge takes.

    API_KEY=wk_... PEOPLE='{"alice": "her password"}' login.py PORT https://gateway.example/api/v1 CUSTOMER     serves GET / on loopback

A page fetches its login here, and logs in by it: by SIP's Digest, or by connect. The key has the scope logins:write and is the
customer's, whose password it is towards the gateway; it stays here. Put TLS in front of it, and people's passwords where you keep
them: hashed.
"""
import base64
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request

import servlet

TIMEOUT_S = 10


def login(gateway, customer, user):
    """What the gateway has made for somebody of the customer."""
    proof = base64.b64encode(f"{customer}:{os.environ['API_KEY']}".encode()).decode()
    headers = {"Authorization": f"Basic {proof}", "Content-Type": "application/json"}
    body = json.dumps({"user": user, "time": int(time.time())}).encode()
    asked = urllib.request.Request(f"{gateway}/logins", data=body, headers=headers, method="POST")
    with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:
        return json.load(answer)


class Asking(servlet.Servlet):
    gateway, customer = "", ""

    def made_for(self, user):
        try:
            return login(self.gateway, self.customer, user)
        except urllib.error.HTTPError as error:
            # Its body tells more, where a proxy has not put another in its place.
            print(f"the gateway makes no login: {error}: {error.read(1000).decode(errors='replace')}", file=sys.stderr)
        except (OSError, ValueError, http.client.HTTPException) as error:
            print(f"the gateway cannot be asked: {error}", file=sys.stderr)
        return None


if __name__ == "__main__":
    Asking.gateway, Asking.customer = sys.argv[2], sys.argv[3]
    servlet.serve(Asking, int(sys.argv[1]))
