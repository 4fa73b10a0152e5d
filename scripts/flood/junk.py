"""Junk: REGISTERs and INVITEs of strangers, at a rate, from one address or from many. A process of its own.

    junk.py REGISTERS_A_SECOND INVITES_A_SECOND SECONDS ADDRESSES
"""

import socket
import sys
import time

HOST, PORT = "127.0.0.1", 18460


def main():
    registers, invites, seconds, addresses = map(int, sys.argv[1:])
    sockets = []
    for number in range(addresses):
        found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        found.bind((f"127.9.{number // 250}.{1 + number % 250}", 0))
        found.setblocking(False)
        sockets.append(found)
    rate = registers + invites
    begun, sent, registered, answers = time.monotonic(), 0, 0, 0
    while (passed := time.monotonic() - begun) < seconds:
        while sent < passed * rate:
            # So many of them are REGISTERs, evenly among the others.
            is_register = registered * rate <= sent * registers
            registered += is_register
            end = sockets[sent % addresses]
            try:
                end.sendto(message("REGISTER" if is_register else "INVITE", end, sent), (HOST, PORT))
            except BlockingIOError:
                pass
            sent += 1
        for end in sockets[sent % 7 :: 7]:
            answers += drain(end)
        time.sleep(0.002)
    time.sleep(0.5)
    answers += sum(map(drain, sockets))
    print(sent, answers)


def message(method, end, number):
    ip, port = end.getsockname()
    return (
        f"{method} sip:7000@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:{port};branch=z9hG4bKj{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:{number % 9000}@{HOST}>;tag=j{number}\r\nTo: <sip:{number % 9000}@{HOST}>\r\n"
        f"Call-ID: junk{number}@{ip}\r\nCSeq: 1 {method}\r\nContact: <sip:x@{ip}:{port}>\r\n"
        "User-Agent: Some Phone 1.0\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def drain(end):
    count = 0
    while True:
        try:
            end.recv(65536)
            count += 1
        except (BlockingIOError, ConnectionRefusedError):
            return count


main()
