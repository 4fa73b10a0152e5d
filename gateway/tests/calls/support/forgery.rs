//! What an attacker sends who knows the addresses of a call and none of its keys.

use super::relay::is_audio;

/// Beside one datagram of a call that is encrypted, under its sender's address: whatever might end it, shift its
/// counters, fill its memory or be heard. `number` counts the datagrams.
pub(crate) fn beside(datagram: &[u8], number: u64) -> [Vec<Vec<u8>>; 2] {
    match datagram {
        // While the keys are not there yet.
        [0..=3 | 20..=63, ..] => [handshakes(number), handshakes(number)],
        packet => beside_srtp(packet, number),
    }
}

/// The same, but nothing beside a handshake: what our caller's stack makes of that is not what is tested.
pub(crate) fn beside_srtp(packet: &[u8], number: u64) -> [Vec<Vec<u8>>; 2] {
    if !is_audio(packet) {
        return Default::default();
    }
    // Not worth more than this, or machines of two cores fall behind.
    if !number.is_multiple_of(2) {
        return [vec![], vec![packet.to_vec()]];
    }
    let forged = [
        vec![
            with(packet, packet.len() - 1, |byte| byte ^ 1),
            // Half the sequence numbers ahead: who believes it takes the next packets for a rollover.
            with(packet, 2, |byte| byte ^ 0x80),
            with(packet, 3, |byte| byte.wrapping_add(1)),
            // A stream of its own each time.
            with(packet, 8, |_| number as u8),
            packet[..packet.len() - 4].to_vec(),
            packet[..12].to_vec(),
        ],
        malformed(packet),
        reports(packet),
        handshakes(number),
    ];
    // What was sent is sent again.
    [forged.concat(), vec![packet.to_vec()]]
}

/// Beside one packet of plain RTP, under its sender's address: reports that say that it ends, and what is malformed.
pub(crate) fn beside_rtp(packet: &[u8], _number: u64) -> [Vec<Vec<u8>>; 2] {
    if !is_audio(packet) {
        return Default::default();
    }
    let malformed = malformed(packet).into_iter().take(7);
    [vec![], reports(packet).into_iter().chain(malformed).collect()]
}

/// Packets whose parts reach behind their end, and those that say that they are something else (RFC 5761 4).
pub(crate) fn malformed(packet: &[u8]) -> Vec<Vec<u8>> {
    let head = |first: u8, kind: u8| {
        let mut bytes = packet.to_vec();
        bytes[..2].copy_from_slice(&[first, kind]);
        bytes
    };
    let mut extension = head(0x90, 0)[..12].to_vec();
    extension.extend([0xBE, 0xDE, 0xFF, 0xFF]);
    let mut padding = head(0xA0, 0);
    *padding.last_mut().expect("a packet") = 0xFF;
    let mut forged = vec![
        extension,
        padding,
        head(0x8F, 0)[..16].to_vec(),
        head(0xBF, 0xFF),
        vec![0x80],
        vec![],
        vec![0x80, 200],
    ];
    forged.extend((72..=79).map(|kind| head(0x80, kind)));
    forged
}

/// Reports in the clear: the source leaves, it has sent nothing, it has lost everything; and those that are too
/// short for what they say.
pub(crate) fn reports(packet: &[u8]) -> Vec<Vec<u8>> {
    let ssrc = &packet[8..12];
    let report = |head: [u8; 4], tail: &[u8]| [&head, ssrc, tail].concat();
    let goodbye = report([0x81, 203, 0, 1], &[]);
    // SRTCP that says that it is not encrypted, with the first index and a tag (RFC 3711 3.4).
    let unencrypted = report([0x81, 203, 0, 1], &[&[0, 0, 0, 1], [0x55; 10].as_slice()].concat());
    vec![
        goodbye,
        unencrypted,
        report([0x80, 200, 0, 6], &[0xFF; 20]),
        report([0x80, 201, 0, 1], &[]),
        report([0x9F, 201, 0, 1], &[]),
        report([0x81, 200, 0xFF, 0xFF], &[]),
        vec![0x80, 203, 0, 0],
    ]
}

/// What belongs to ICE and DTLS: an alert, a goodbye, part of a handshake, checks without a signature.
pub(crate) fn handshakes(number: u64) -> Vec<Vec<u8>> {
    let record = |kind: u8, body: &[u8]| {
        [&[kind, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, number as u8, 0, body.len() as u8], body].concat()
    };
    let records = vec![record(21, &[2, 40]), record(21, &[1, 0]), record(22, &[1; 60]), record(20, &[1])];
    [records, unsigned_checks()].concat()
}

/// A whole ClientHello of DTLS 1.2, with a random of its own each time: what a server has to answer.
pub(crate) fn client_hello(number: u64) -> Vec<u8> {
    const SUITES: [u8; 4] = [0, 2, 0xC0, 0x2B];
    const EXTENSIONS: [&[u8]; 6] = [
        // Groups, point formats, signatures, SRTP, extended master secret, no renegotiation.
        &[0, 10, 0, 6, 0, 4, 0, 29, 0, 23],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 4, 0, 2, 4, 3],
        &[0, 14, 0, 5, 0, 2, 0, 1, 0],
        &[0, 23, 0, 0],
        &[0xFF, 1, 0, 1, 0],
    ];
    let sized = |body: &[u8]| [(body.len() as u16).to_be_bytes().as_slice(), body].concat();
    let random = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes().repeat(4);
    let no_session_nor_cookie = [0, 0];
    let no_compression = [1, 0];
    let extensions = sized(&EXTENSIONS.concat());
    let body =
        [&[0xFE, 0xFD], &*random, &no_session_nor_cookie, &SUITES, &no_compression, &extensions].concat();
    let length = &(body.len() as u32).to_be_bytes()[1..];
    let message = [&[1], length, &[0, 0, 0, 0, 0], length, &body].concat();
    let sequence = &number.to_be_bytes()[2..];
    [&[22, 0xFE, 0xFD, 0, 0], sequence, &sized(&message)].concat()
}

/// STUN without credentials: a binding request, one that nominates, one whose user name is longer than any may be, and
/// a role conflict in answer to nothing (RFC 8445 7.3.1.1).
pub(crate) fn unsigned_checks() -> Vec<Vec<u8>> {
    const USE_CANDIDATE: [u8; 4] = [0, 0x25, 0, 0];
    const ROLE_CONFLICT: [u8; 8] = [0, 9, 0, 4, 0, 0, 4, 87];
    let message = |kind: u16, attributes: &[u8]| {
        let head = [kind.to_be_bytes(), (attributes.len() as u16).to_be_bytes()].concat();
        [&head, [0x21, 0x12, 0xA4, 0x42].as_slice(), &[7; 12], attributes].concat()
    };
    let long_name = [[0, 6, 2, 0x58].as_slice(), &[b'a'; 600]].concat();
    vec![
        message(0x0001, &[]),
        message(0x0001, &USE_CANDIDATE),
        message(0x0001, &long_name),
        message(0x0111, &ROLE_CONFLICT),
    ]
}

/// RTP with G.711 in the clear, loud.
pub(crate) fn noise(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..160).map(|at| if at % 4 < 2 { 0x00 } else { 0x80 }));
    packet
}

fn with(packet: &[u8], at: usize, change: impl Fn(u8) -> u8) -> Vec<u8> {
    let mut changed = packet.to_vec();
    changed[at] = change(changed[at]);
    changed
}
