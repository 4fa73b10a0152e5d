//! What keeps a phone's flow alive (RFC 5626 4.4), over every transport, and over either version of TLS.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};

use rustls::version::{TLS12, TLS13};
use tempfile::TempDir;

use crate::support::certificate::{pair, secure_by};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::host::Host;

/// Two empty lines are answered by one.
fn assert_ponged(mut stream: impl Read + Write, how: &str) {
    stream.write_all(b"\r\n\r\n").expect("it reads");
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).unwrap_or_else(|error| panic!("{how}: {error}"));
    assert_eq!(&pong, b"\r\n", "{how}");
}

#[test]
fn a_phone_that_pings_is_answered_over_udp_tcp_and_either_tls() {
    let (own, folder) = (Host::new(), TempDir::new().expect("a folder for the test"));
    let (certificate, key) = pair(&folder, "own", own.ip());
    let secure_at = own.at(5061);
    let config = GatewayConfig::default()
        .tls(&certificate, &key)
        .sip(&format!("[[sip.listeners]]\ntransport = 'tls'\nbind = '{secure_at}'"));
    let gateway = Gateway::start_at(own, &config);
    let connect = |at| {
        let stream = TcpStream::connect(at).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream
    };
    assert_ponged(connect(gateway.sip()), "TCP");
    for version in [&TLS12, &TLS13] {
        let mut stream = secure_by(connect(secure_at), &certificate, secure_at.ip(), &[version]);
        assert_ponged(&mut stream, "TLS");
        assert_eq!(stream.conn.protocol_version(), Some(version.version));
    }

    let socket = UdpSocket::bind((secure_at.ip(), 0)).expect("the host is ours");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    // A Binding request (RFC 8489 5), and the port that its answer tells, under its mask (14.2).
    let ping = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], b"twelve bytes"].concat();
    socket.send_to(&ping, gateway.sip()).expect("loopback takes it");
    let mut pong = [0; 64];
    let length = socket.recv(&mut pong).expect("an answer");
    assert_eq!((&pong[..2], &pong[8..20], length), (&[1, 1][..], &b"twelve bytes"[..], 32));
    let port = u16::from_be_bytes([pong[26], pong[27]]) ^ 0x2112;
    assert_eq!(port, socket.local_addr().expect("it is bound").port());
}
