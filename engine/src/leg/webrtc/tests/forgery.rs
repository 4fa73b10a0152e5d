//! What an attacker writes who knows the addresses and ports of a call, but none of its secrets.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use dimpl::{Dtls, Output};

use crate::dtls::samples::{handshake, plaintext};

/// A forger: its name, and the number of the forgery to its bytes.
pub(super) type Forger = (&'static str, fn(u32) -> Vec<u8>);

/// Forgeries that no role may fall for.
pub(super) const HARMLESS: [Forger; 14] = [
    ("fatal alert", |n| plaintext(21, n as u8, &[2, 40])),
    ("close_notify in the clear", |n| plaintext(21, n as u8, &[1, 0])),
    ("HelloVerifyRequest", |n| message(3, n, &[&[0xFE, 0xFF, 20], noise::<20>(n).as_slice()].concat())),
    ("Certificate", |n| message(11, n, &[0, 0, 4, 0, 0, 1, n as u8])),
    ("CertificateRequest", |n| message(13, n, &[1, 64, 0, 2, 4, 3, 0, 0])),
    ("ServerHelloDone", |n| message(14, n, &[])),
    ("ClientKeyExchange", |n| message(16, n, &noise::<33>(n))),
    ("Finished in the clear", |n| message(20, n, &noise::<12>(n))),
    ("ChangeCipherSpec", |n| plaintext(20, n as u8, &[1])),
    ("application data in the clear", |n| plaintext(23, n as u8, &noise::<40>(n))),
    ("encrypted 1.2", |n| [vec![22, 254, 253, 0, 1, 0, 0, 0, 0, 0, n as u8, 0, 40], noise::<40>(n)].concat()),
    ("encrypted 1.3", |n| [vec![0x2E, 0, n as u8, 0, 40], noise::<40>(n)].concat()),
    ("part of a ClientHello", |n| plaintext(22, n as u8, &hello_fragment(n))),
    ("garbage", |n| [vec![20 + (n % 44) as u8], noise::<60>(n)].concat()),
];

/// A ClientHello that a server must take for one, with a random of its own each time.
pub(super) const CLIENT_HELLOS: [Forger; 2] = [
    ("ClientHello 1.2", |n| client_hello(&HELLO_12, n)),
    ("ClientHello 1.3", |n| client_hello(&HELLO_13, n)),
];

static HELLO_12: LazyLock<Vec<u8>> = LazyLock::new(|| real_client_hello(true));
static HELLO_13: LazyLock<Vec<u8>> = LazyLock::new(|| real_client_hello(false));

fn message(kind: u8, n: u32, body: &[u8]) -> Vec<u8> {
    plaintext(22, n as u8, &handshake(kind, (n % 6) as u8, body))
}

/// The second half of a ClientHello of 200 bytes.
fn hello_fragment(n: u32) -> Vec<u8> {
    let header = [1, 0, 0, 200, 0, (n % 2) as u8, 0, 0, 100, 0, 0, 100];
    [header.as_slice(), &noise::<100>(n)].concat()
}

fn client_hello(template: &[u8], n: u32) -> Vec<u8> {
    const RANDOM: usize = 13 + 12 + 2;
    let mut hello = template.to_vec();
    hello[RANDOM..RANDOM + 32].copy_from_slice(&noise::<32>(n));
    hello
}

fn real_client_hello(is_12: bool) -> Vec<u8> {
    let certificate = dimpl::certificate::generate_self_signed_certificate().expect("a certificate");
    let (config, now) = (Arc::new(dimpl::Config::default()), Instant::now());
    let mut client =
        if is_12 { Dtls::new_12(config, certificate, now) } else { Dtls::new_auto(config, certificate, now) };
    client.set_active(true);
    client.handle_timeout(now).expect("a fresh client");
    let mut buffer = [0; 2048];
    loop {
        if let Output::Packet(hello) = client.poll_output(&mut buffer) {
            return hello.to_vec();
        }
    }
}

/// Bytes that differ with `n` and are the same in every run.
fn noise<const N: usize>(n: u32) -> Vec<u8> {
    let mut state = u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    })
    .take(N)
    .collect()
}
