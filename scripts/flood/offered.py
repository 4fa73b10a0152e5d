"""More calls than may begin: how many do, how soon the others hear that they do not, and what a call hears meanwhile."""

import re
import select
import socket
import statistics
import struct
import threading
import time

from sip_servers import CALLEE, CALLER, HOST, PORT

RTP_PORT = 18710


def sdp(port):
    return (
        f"v=0\r\no=o 1 1 IN IP4 {CALLER}\r\ns=-\r\nc=IN IP4 {CALLER}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
        "a=rtpmap:0 PCMU/8000\r\n"
    )


class Caller:
    """Calls from the office that are hung up as soon as they are answered."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((CALLER, port))
        self.port, self.waiting, self.answered, self.refused_ms, self.retry_after = port, {}, 0, [], set()
        self.others = 0

    def offer(self, rate, seconds):
        begun, count = time.monotonic(), 0
        while (passed := time.monotonic() - begun) < seconds or self.waiting and passed < seconds + 10:
            while passed < seconds and count < passed * rate:
                call_id = f"{self.port}-{time.monotonic_ns()}"
                self.send("INVITE", 1, call_id, f"<sip:7000@{HOST}>", sdp(18720))
                self.waiting[call_id] = time.perf_counter()
                count += 1
            while select.select([self.socket], [], [], 0.0005)[0]:
                self.hear(self.socket.recv(65536).decode())
        return {
            "offered": count, "answered": self.answered, "refused": len(self.refused_ms), "other": self.others,
            "unanswered": len(self.waiting), "answered_per_second": self.answered / seconds,
            "refused_p50_ms": share(self.refused_ms, 50), "refused_p99_ms": share(self.refused_ms, 99),
            "retry_after": sorted(self.retry_after),
        }

    def hear(self, response):
        now = time.perf_counter()
        if "CSeq: 1 INVITE" not in response or response.startswith("SIP/2.0 1"):
            return
        call_id = re.search(r"Call-ID: (\S+)", response)[1]
        to = re.search(r"\r\nTo: (.+)\r\n", response)[1]
        self.send("ACK", 1, call_id, to, "")
        sent = self.waiting.pop(call_id, None)
        if response.startswith("SIP/2.0 200"):
            self.answered += sent is not None
            self.send("BYE", 2, call_id, to, "")
        elif sent is not None and response.startswith("SIP/2.0 503"):
            self.refused_ms.append(1000 * (now - sent))
            found = re.search(r"Retry-After: (\d+)", response)
            self.retry_after.add(int(found[1]) if found else None)
        elif sent is not None:
            self.others += 1

    def send(self, method, cseq, call_id, to, body):
        branch = f"z9hG4bK{call_id}" + ("" if method == "INVITE" else method)
        own = f"{CALLER}:{self.port}"
        text = (
            f"{method} sip:7000@{HOST}:{PORT} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch={branch}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:2001@{CALLER}>;tag={call_id}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <sip:2001@{own}>\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        self.socket.sendto(text.encode(), (HOST, PORT))


class Canary:
    """A call whose callee sends back what it hears: how long each packet takes, and which do not come."""

    def __init__(self):
        self.caller = Caller(18705)
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind((CALLER, RTP_PORT))
        self.caller.socket.settimeout(5)
        # Its callee may need a moment to listen.
        for number in range(10):
            call_id = self.call_id = f"canary{number}"
            self.caller.send("INVITE", 1, call_id, f"<sip:7000@{HOST}>", sdp(RTP_PORT))
            answer = "SIP/2.0 100"
            # A refusal of the call before may come once more.
            while answer.startswith("SIP/2.0 1") or f"Call-ID: {call_id}\r\n" not in answer:
                answer = self.caller.socket.recv(65536).decode()
            self.to = re.search(r"\r\nTo: (.+)\r\n", answer)[1]
            self.caller.send("ACK", 1, call_id, self.to, "")
            if answer.startswith("SIP/2.0 200"):
                break
            time.sleep(0.5)
        else:
            raise SystemExit(f"flood: nobody answers the call that is to be up: {answer}")
        self.peer = (re.search(r"c=IN IP4 (\S+)", answer)[1], int(re.search(r"m=audio (\d+)", answer)[1]))
        self.sent_at, self.took_ms, self.is_over = {}, [], False
        self.threads = [threading.Thread(target=it) for it in (self.talk, self.listen)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        self.caller.send("BYE", 2, self.call_id, self.to, "")

    def talk(self):
        begun, number = time.monotonic(), 0
        while not self.is_over:
            self.sent_at[number] = time.perf_counter()
            head = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, 160 * number, 7)
            self.rtp.sendto(head + bytes([number & 0xFF]) * 160, self.peer)
            number += 1
            time.sleep(max(0, begun + 0.02 * number - time.monotonic()))

    def listen(self):
        self.rtp.settimeout(0.2)
        while not self.is_over:
            try:
                packet = self.rtp.recv(2048)
            except TimeoutError:
                continue
            # The gateway numbers anew; what it says tells which it was.
            now = time.perf_counter()
            said = packet[12] if len(packet) > 12 else None
            number = next((n for n in sorted(self.sent_at, reverse=True)[:100] if n & 0xFF == said), None)
            if number is not None and number in self.sent_at:
                self.took_ms.append(1000 * (now - self.sent_at.pop(number)))

    def take(self):
        """What was heard since the last time."""
        taken, self.took_ms = self.took_ms, []
        newest = max(self.sent_at, default=0)
        late = [number for number in list(self.sent_at) if number < newest - 50]
        for number in late:
            self.sent_at.pop(number, None)
        return {"packets": len(taken), "missing": len(late), "p50_ms": share(taken, 50), "p99_ms": share(taken, 99)}


def share(values, percent):
    return statistics.quantiles(values, n=100)[percent - 1] if len(values) > 2 else None
