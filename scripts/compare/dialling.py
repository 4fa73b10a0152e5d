"""How long a server takes from a call to its ring: what it adds to what caller and callee need themselves.

One thread is both ends, so that one clock measures and nothing but the server is waited for: it sends an INVITE as the
caller, takes it as the callee, rings, and takes the ring as the caller. The callee is busy then.
"""

import re
import socket
import time

from sip_servers import CALLEE, CALLEE_PORT, CALLER, HOST, PORT

CALLER_PORT = 18464
PATIENCE_S = 2
SDP = (
    f"v=0\r\no=probe 1 1 IN IP4 {CALLER}\r\ns=-\r\nc=IN IP4 {CALLER}\r\nt=0 0\r\nm=audio 18700 RTP/AVP 0\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
)


def delays_ms(count, callee_port=CALLEE_PORT):
    """Of so many calls, one after the other."""
    with bound(CALLER, CALLER_PORT) as caller, bound(CALLEE, callee_port) as callee:
        return [probe(caller, callee, number) for number in range(count)]


def bound(address, port):
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind((address, port))
    found.settimeout(PATIENCE_S)
    return found


def probe(caller, callee, number):
    own = f"SIP/2.0/UDP {CALLER}:{CALLER_PORT};branch=z9hG4bKprobe{time.monotonic_ns()}"
    head = (
        f"Via: {own}\r\nMax-Forwards: 70\r\nFrom: <sip:2001@{CALLER}>;tag=probe\r\nCall-ID: {time.monotonic_ns()}\r\n"
    )
    invite = (
        f"INVITE sip:7000@{HOST}:{PORT} SIP/2.0\r\n{head}To: <sip:7000@{HOST}>\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:2001@{CALLER}:{CALLER_PORT}>\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(SDP)}\r\n\r\n{SDP}"
    )
    begun = time.perf_counter()
    caller.sendto(invite.encode(), (HOST, PORT))
    request, server = take(callee, "INVITE ")
    came = time.perf_counter()
    fields = "".join(
        line + "\r\n" for line in request.split("\r\n") if re.match(r"(Via|From|Call-ID|CSeq|Record-Route):", line, re.I)
    )
    to = next(line for line in request.split("\r\n") if line.lower().startswith("to:")) + f";tag=p{number}\r\n"
    contact = f"Contact: <sip:7000@{CALLEE}:{callee.getsockname()[1]}>\r\n"
    ringing = f"SIP/2.0 180 Ringing\r\n{fields}{to}{contact}Content-Length: 0\r\n\r\n".encode()
    busy = f"SIP/2.0 486 Busy Here\r\n{fields}{to}Content-Length: 0\r\n\r\n".encode()
    rang = time.perf_counter()
    callee.sendto(ringing, server)
    take(caller, "SIP/2.0 180")
    ended = time.perf_counter()
    callee.sendto(busy, server)
    refusal, _ = take(caller, "SIP/2.0 486")
    to = next(line for line in refusal.split("\r\n") if line.lower().startswith("to:")) + "\r\n"
    ack = f"ACK sip:7000@{HOST}:{PORT} SIP/2.0\r\n{head}{to}CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
    caller.sendto(ack.encode(), (HOST, PORT))
    take(callee, "ACK ")
    return 1000 * ((came - begun) + (ended - rang))


def take(end, beginning):
    """The next message of this kind; others on the way, 100 Trying and what is sent again, are passed over."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        octets, source = end.recvfrom(65536)
        text = octets.decode()
        if text.startswith(beginning):
            return text, source
    raise TimeoutError(f"no {beginning}")
