"""Users' phones that register anew and anew beside a flood, each from an address of its own. A process of its own,
which prints how long each registration took, challenge and all, in ms; `-` for one that did not come through.

    phones.py REGISTRATIONS_A_SECOND SECONDS
"""

import hashlib
import re
import select
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 18460
REALM, PASSWORD = "webtrunk", "registrant"
PHONES = 50
PATIENCE_S = 4
# A registrar wants a Call-ID's CSeq to go on (RFC 3261 10.2.4), which that of the process before would not.
BEGUN = time.time_ns()


class Phone:
    def __init__(self, number):
        self.user, self.ip, self.cseq = f"user{number:05}", f"127.8.0.{1 + number}", 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.ip, 5060))
        self.begun = self.sent = None

    def begin(self):
        self.begun = time.perf_counter()
        self.send("")

    def send(self, authorization):
        self.cseq += 1
        self.last = (
            f"REGISTER sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {self.ip}:5060;branch=z9hG4bKp{self.cseq}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.user}@{HOST}>;tag=p\r\nTo: <sip:{self.user}@{HOST}>\r\n"
            f"Call-ID: {BEGUN}@{self.ip}\r\nCSeq: {self.cseq} REGISTER\r\nContact: <sip:{self.user}@{self.ip}:5060>\r\n"
            f"Expires: 600\r\n{authorization}Content-Length: 0\r\n\r\n"
        ).encode()
        self.resend()

    def resend(self):
        """RFC 3261 17.1.2.2, timer E, without its growth: who waits for the second time has waited long enough."""
        self.sent = time.perf_counter()
        self.socket.sendto(self.last, (HOST, PORT))

    def hear(self):
        """How long it took in ms, once it is over; None before."""
        response = self.socket.recv(65536).decode()
        if f"CSeq: {self.cseq} REGISTER" not in response:
            return None
        if response.startswith("SIP/2.0 401"):
            self.send(self.answer(response))
            return None
        if not response.startswith("SIP/2.0 200"):
            return None
        took, self.begun = 1000 * (time.perf_counter() - self.begun), None
        return took

    def answer(self, challenged):
        nonce = re.search(r'nonce="([^"]+)"', challenged)[1]
        md5 = lambda text: hashlib.md5(text.encode()).hexdigest()
        uri, qop = f"sip:{HOST}", "auth" if "qop=" in challenged else None
        ha1, ha2 = md5(f"{self.user}:{REALM}:{PASSWORD}"), md5(f"REGISTER:{uri}")
        middle = f"{nonce}:00000001:c:auth" if qop else nonce
        more = ', qop=auth, nc=00000001, cnonce="c"' if qop else ""
        return (
            f'Authorization: Digest username="{self.user}", realm="{REALM}", nonce="{nonce}", uri="{uri}", '
            f'response="{md5(f"{ha1}:{middle}:{ha2}")}", algorithm=MD5{more}\r\n'
        )


def main():
    rate, seconds = map(int, sys.argv[1:])
    phones = list(map(Phone, range(PHONES)))
    by_socket = {phone.socket: phone for phone in phones}
    begun, count = time.monotonic(), 0
    while (passed := time.monotonic() - begun) < seconds + PATIENCE_S:
        while passed < seconds and count < passed * rate:
            phone = phones[count % PHONES]
            if phone.begun is not None:
                print("-")
            phone.begin()
            count += 1
        for ready in select.select(phones_waiting(phones), [], [], 0.001)[0]:
            took = by_socket[ready].hear()
            if took is not None:
                print(f"{took:.3f}")
        for phone in phones:
            if phone.begun is not None and time.perf_counter() - phone.sent > 0.5:
                phone.resend()
        if passed > seconds and not phones_waiting(phones):
            return
    for phone in phones:
        if phone.begun is not None:
            print("-")


def phones_waiting(phones):
    return [phone.socket for phone in phones if phone.begun is not None]


main()
