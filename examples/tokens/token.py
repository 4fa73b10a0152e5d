#!/usr/bin/env python3
"""Makes a token for a page: `sealed KEY_ID AUDIENCE` or `bridge APP`, the account as JSON on standard input."""
import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import time
from xml.sax.saxutils import quoteattr

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LIFETIME_S = 60


def base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def sealed(key_id, key, audience, account):
    """wt1.KEY_ID.BASE64URL(nonce | AES-256-GCM | tag); what stands before the last dot is authenticated too."""
    now = int(time.time())
    claims = {"aud": audience, "iat": now, "exp": now + LIFETIME_S, "jti": secrets.token_urlsafe(16), "account": account}
    head, nonce = f"wt1.{key_id}", os.urandom(12)
    return f"{head}.{base64url(nonce + AESGCM(key).encrypt(nonce, json.dumps(claims).encode(), head.encode()))}"


def bridge(app, key, mac_key, account):
    """APP:HEX.MAC, as the web call server has it and a MAC behind it."""
    names = {"user": "login", "auth_name": "authenticationName", "password": "password", "domain": "domain",
             "outbound_proxy": "outboundProxy", "port": "port", "visible_name": "visibleName"}
    values = {names[name]: str(value) for name, value in account.items()}
    values["expires"] = str((int(time.time()) + LIFETIME_S) * 10**9)
    # quoteattr takes single quotes where a value has double ones, which XML knows too.
    xml = "<root" + "".join(f" {name}={quoteattr(value)}" for name, value in values.items()) + "/>"
    encryptor = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    signed = f"{app}:{(encryptor.update(xml.encode()) + encryptor.finalize()).hex()}"
    mac = hmac.new(mac_key.encode(), f"gw-token-v1.{signed}".encode(), hashlib.sha256).digest()
    return f"{signed}.{base64url(mac)}"


def main():
    account, key = json.load(sys.stdin), bytes.fromhex(os.environ["TOKEN_KEY"])
    if sys.argv[1] == "sealed":
        print(sealed(sys.argv[2], key, sys.argv[3], account))
    else:
        print(bridge(sys.argv[2], key, os.environ["MAC_KEY"], account))


if __name__ == "__main__":
    main()
