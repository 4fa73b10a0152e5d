//! What nobody may read who is shown a message: proofs of a password, keys of media, tokens, and what people write.
//!
//! Done once, when a message is taken in: what was never kept cannot be shown. Each secret is masked in place, and the
//! rules look at every line of the message, body or head, however it is folded or written.

use super::bodies::redact_body;
use super::mask::{cover, cover_with_mark, find, value_at};

/// Fields with parameters of Digest or another scheme (RFC 8760, RFC 6750).
const OF_CREDENTIALS: &[&[u8]] = &[
    b"authorization",
    b"proxy-authorization",
    b"www-authenticate",
    b"proxy-authenticate",
    b"authentication-info",
    b"proxy-authentication-info",
];

/// Parameters of them that say nothing of a password. All others are masked.
const HARMLESS: &[&[u8]] = &[
    b"username",
    b"realm",
    b"domain",
    b"uri",
    b"algorithm",
    b"qop",
    b"nc",
    b"stale",
    b"userhash",
    b"charset",
];

/// Parameters whose change is worth to be seen.
const MARKED: &[&[u8]] = &[b"nonce", b"nextnonce", b"opaque"];

/// A field or parameter whose name holds one of these has a secret.
const SECRET_WORDS: &[&[u8]] = &[
    b"token",
    b"secret",
    b"passw",
    b"pwd",
    b"cookie",
    b"api-key",
    b"api_key",
    b"apikey",
    b"jwt",
    b"bearer",
    b"credential",
    b"authorization",
];

/// What ends a value outside of quotes.
const ENDS: &[u8] = b" \t\r\n;,>?&\"";

/// Masks the secrets of a message. It stays as long as it was.
pub fn redact(message: &mut [u8]) {
    let mut begin = 0;
    while begin < message.len() {
        let end = line_end(message, begin);
        redact_line(&mut message[begin..end]);
        begin = end;
    }
    redact_body(message);
}

/// Where a line ends with its folded continuations: past its line end.
pub(super) fn line_end(text: &[u8], begin: usize) -> usize {
    let mut end = begin;
    while end < text.len() {
        let is_end = text[end] == b'\n' || (text[end] == b'\r' && text.get(end + 1) != Some(&b'\n'));
        end += 1;
        if is_end && !matches!(text.get(end), Some(b' ' | b'\t')) {
            break;
        }
    }
    end
}

fn redact_line(line: &mut [u8]) {
    if let Some(colon) = memchr::memchr(b':', line) {
        let name = line[..colon].trim_ascii().to_ascii_lowercase();
        let value = &mut line[colon + 1..];
        if OF_CREDENTIALS.contains(&name.as_slice()) {
            return redact_credentials(value, name.ends_with(b"-info"));
        }
        let is_name = !name.is_empty() && !name.contains(&b' ') && !name.contains(&b'=');
        if is_name && holds_secret_word(&name) {
            return cover(value);
        }
        if name == b"identity" || name == b"y" {
            redact_signature(value);
        }
    }
    redact_parameters(line);
    redact_passwords(line);
    redact_keys(line);
}

fn holds_secret_word(name: &[u8]) -> bool {
    SECRET_WORDS.iter().any(|word| find(name, word, 0).is_some())
}

/// `Digest a=b, c="d"`: keeps what is harmless. Another scheme is masked to its end.
fn redact_credentials(value: &mut [u8], has_no_scheme: bool) {
    let begin = value.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let scheme = value[begin..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
    let mut at = if has_no_scheme { begin } else { begin + scheme };
    if !has_no_scheme && !value[begin..at].eq_ignore_ascii_case(b"Digest") {
        // A token without its scheme is one too.
        let is_alone = value[at..].trim_ascii().is_empty();
        return cover(&mut value[if is_alone { begin } else { at }..]);
    }
    while at < value.len() {
        let part = at + value[at..].iter().take_while(|byte| !matches!(byte, b'=' | b',')).count();
        let name = value[at..part].trim_ascii().to_ascii_lowercase();
        if value.get(part) != Some(&b'=') {
            cover(&mut value[at..part]);
            at = part + 1;
            continue;
        }
        let secret = value_at(value, part + 1, b", \t\r\n");
        at = secret.end + value[secret.end..].iter().take_while(|byte| **byte != b',').count() + 1;
        if MARKED.contains(&name.as_slice()) {
            cover_with_mark(&mut value[secret.clone()]);
        } else if !HARMLESS.contains(&name.as_slice()) {
            cover(&mut value[secret.clone()]);
        }
        // What follows a value before the next comma belongs to nothing.
        let quote = usize::from(value.get(secret.end) == Some(&b'"'));
        let next = (at - 1).min(value.len());
        cover(&mut value[(secret.end + quote).min(next)..next]);
    }
}

/// The third part of a signed token (RFC 8224 4): without it nobody can pass for who signed.
fn redact_signature(value: &mut [u8]) {
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    let mut dots = value[..end].iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
    if let Some(last) = dots.nth(1) {
        cover(&mut value[last + 1..end]);
    }
}

/// `;token=x`, `?access_token=x`, `&password="x"`.
fn redact_parameters(line: &mut [u8]) {
    let mut from = 0;
    while let Some(equals) = memchr::memchr(b'=', &line[from..]).map(|at| from + at) {
        from = equals + 1;
        let before = line[..equals].trim_ascii_end();
        let is_of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_.+~%!*'".contains(byte);
        let length = before.iter().rev().take_while(is_of_name).count();
        if holds_secret_word(&before[before.len() - length..]) {
            let secret = value_at(line, from, ENDS);
            from = secret.end;
            cover(&mut line[secret]);
        }
    }
}

/// `sip:user:password@host`, and of other schemes `://user:password@host`.
fn redact_passwords(line: &mut [u8]) {
    for scheme in [&b"sip:"[..], b"sips:", b"://"] {
        let mut from = 0;
        while let Some(begin) = find(line, scheme, from).map(|at| at + scheme.len()) {
            from = begin;
            let uri = line[begin..].iter().take_while(|byte| !b" \t\r\n<>\"".contains(byte)).count();
            let uri = &mut line[begin..begin + uri];
            let Some(at) = uri.iter().rposition(|byte| *byte == b'@') else { continue };
            if let Some(colon) = memchr::memchr(b':', &uri[..at]) {
                cover(&mut uri[colon + 1..at]);
            }
        }
    }
}

/// Keys of media and passwords of ICE in a description (RFC 4568 6.1, RFC 8839 5.4, RFC 4567, RFC 8866 5.12).
fn redact_keys(line: &mut [u8]) {
    for (word, ends) in
        [(&b"inline:"[..], &b" \t\r\n;|"[..]), (b"ice-pwd:", b"\r\n"), (b"key-mgmt:", b"\r\n")]
    {
        let mut from = 0;
        while let Some(begin) = find(line, word, from).map(|at| at + word.len()) {
            let length = line[begin..].iter().take_while(|byte| !ends.contains(byte)).count();
            cover(&mut line[begin..begin + length]);
            from = begin + length;
        }
    }
    if line.len() > 2 && line[..2].eq_ignore_ascii_case(b"k=") {
        cover(&mut line[2..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(message: &str) -> String {
        let mut octets = message.as_bytes().to_vec();
        redact(&mut octets);
        assert_eq!(octets.len(), message.len(), "a mask is as long as what it hides");
        String::from_utf8(octets).expect("only whole characters of ASCII stand in for others")
    }

    /// Wherever a secret stands, and however it is written, it is not there afterwards.
    #[test]
    fn no_secret_outlives_redaction() {
        const SECRET: &str = "S3cr3tS3cr3t";
        let lines = [
            "Authorization: Digest username=\"alice\", realm=\"w\", nonce=\"n\", uri=\"sip:w\", response=\"S3cr3tS3cr3t\"",
            "AUTHORIZATION :\tdigest response=S3cr3tS3cr3t,qop=auth",
            "Authorization:\r\n Digest realm=\"a,b\",\r\n\tresponse =\r\n \"S3cr3tS3cr3t\"",
            "Authorization: Digest realm=\"w\" S3cr3tS3cr3t, nc=1",
            "Authorization: Digest S3cr3tS3cr3t",
            "Authorization: Digest realm=\"w\\\"\", response=\"S3cr3tS3cr3t",
            "Proxy-Authorization: Bearer S3cr3tS3cr3t",
            "Proxy-Authorization: Basic S3cr3tS3cr3t==",
            "Proxy-Authorization: S3cr3tS3cr3t",
            "WWW-Authenticate: Digest realm=\"w\", nonce=\"S3cr3tS3cr3t\", opaque=\"S3cr3tS3cr3t\", qop=\"auth\"",
            "Proxy-Authenticate: Digest nonce=S3cr3tS3cr3t",
            "Authentication-Info: nextnonce=\"S3cr3tS3cr3t\", rspauth=\"S3cr3tS3cr3t\", cnonce=\"S3cr3tS3cr3t\"",
            "Identity: header.claims.S3cr3tS3cr3t;info=<https://a.example/c>;alg=ES256",
            "X-Auth-Token: S3cr3tS3cr3t",
            "Cookie: session=S3cr3tS3cr3t",
            "X-Api-Key:S3cr3tS3cr3t",
            "Contact: <sip:alice@192.0.2.1;token=S3cr3tS3cr3t;transport=ws>",
            "Contact: <sip:alice@192.0.2.1>;access_token=\"S3cr3tS3cr3t\"",
            "Refer-To: <sip:bob@192.0.2.1?X-Token=S3cr3tS3cr3t&Authorization=S3cr3tS3cr3t>",
            "To: <sip:bob:S3cr3tS3cr3t@192.0.2.1>",
            "To: \"b\" <SIPS:bob:S3cr3tS3cr3t@[2001:db8::1]:5061>;tag=1",
            "Call-Info: <https://bob:S3cr3tS3cr3t@a.example/card>",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:S3cr3tS3cr3t|2^20|1:4",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xx|2^20;inline:S3cr3tS3cr3t UNENCRYPTED_SRTP",
            "A=CRYPTO:1 AES_CM_128_HMAC_SHA1_80 INLINE:S3cr3tS3cr3t",
            "a=ice-pwd:S3cr3tS3cr3t",
            "a=key-mgmt:mikey S3cr3tS3cr3t",
            "k=base64:S3cr3tS3cr3t",
            "password = S3cr3tS3cr3t",
        ];
        for line in lines {
            for end in ["\r\n", "\n"] {
                let head = ["INVITE sip:a@b SIP/2.0", line, "Content-Type: application/sdp", "", "v=0"];
                let body = ["INVITE sip:a@b SIP/2.0", "c: application/sdp", "", "v=0", line, ""];
                for message in [head.join(end), body.join(end), line.to_owned()] {
                    let shown = redacted(&message);
                    assert!(!shown.contains(SECRET), "{shown}");
                    assert!(!shown.contains(&SECRET[4..]), "not in part either: {shown}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_secret_stays_readable() {
        let message = "INVITE sip:bob@192.0.2.1;gr=urn:uuid:1;ob SIP/2.0\r\n\
            Via: SIP/2.0/WSS [2001:db8::2]:443;branch=z9hG4bK1;rport\r\n\
            From: \"A: sip:user\" <sip:alice@w>;tag=4;epid=x\r\n\
            Contact: <sip:192.0.2.2:5060;transport=ws>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n\
            Call-ID: a=b@c\r\n\
            Supported: replaces, timer\r\n\
            Content-Type: application/sdp\r\n\r\n\
            v=0\r\na=ice-ufrag:abcd\r\na=fingerprint:sha-256 AA:BB\r\n\
            a=candidate:1 1 UDP 1 192.0.2.2 4000 typ host\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n";
        assert_eq!(redacted(message), message);
        let shown = redacted(
            "REGISTER sip:w SIP/2.0\r\nAuthorization: Digest username=\"alice\",realm=\"w\",uri=\"sip:w\",\
             qop=auth,nc=00000001,algorithm=MD5,nonce=\"abc\",cnonce=\"def\",response=\"0123\"\r\n\r\n",
        );
        let expected = "REGISTER sip:w SIP/2.0\r\nAuthorization: Digest username=\"alice\",realm=\"w\",uri=\"sip:w\",\
             qop=auth,nc=00000001,algorithm=MD5,nonce=\"***\",cnonce=\"***\",response=\"****\"\r\n\r\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_people_write_and_the_digits_that_they_press_are_left_out() {
        let message = |kind: &str, body: &str| {
            format!("MESSAGE sip:a@b SIP/2.0\r\nContent-Type: {kind}\r\nContent-Length: 9\r\n\r\n{body}")
        };
        for (kind, body, expected) in [
            ("text/plain;charset=utf-8", "see you\r\nat 9", "*** ***\r\n** *"),
            ("application/dtmf-relay", "Signal=5\r\n", "********\r\n"),
            ("application/x-unheard-of", "42", "**"),
            ("application/dialog-info+xml", "<a/>", "<a/>"),
            ("application/simple-message-summary", "Messages-Waiting: yes", "Messages-Waiting: yes"),
            ("multipart/mixed;boundary=x", "--x\r\n\r\nhello", "--x\r\n\r\n*****"),
            ("multipart/mixed", "--x\r\napplication/sdp", "***\r\n***************"),
        ] {
            assert_eq!(redacted(&message(kind, body)), message(kind, expected), "{kind}");
        }
    }

    #[test]
    fn of_several_bodies_in_one_each_is_judged_by_itself() {
        let message = |kind: &str, body: &str| {
            format!("MESSAGE sip:a@b SIP/2.0\r\nContent-Type: {kind}\r\n\r\n{body}").replace('|', "\r\n")
        };
        let sdp = "Content-Type: application/sdp||v=0|a=ice-pwd:****|";
        for (kind, body, expected) in [
            (
                "multipart/mixed;boundary=x",
                "mind|--x|Content-Type: text/plain||application/sdp, see|--x|{sdp}|--x--|you",
                "****|--x|Content-Type: text/plain||**************** ***|--x|{sdp}|--x--|***",
            ),
            (
                "Multipart/Related; Boundary=\"x y\"",
                "--x y|{sdp}--x y||at|--x y--|",
                "--x y|{sdp}--x y||**|--x y--|",
            ),
            // One that ends with its head has no body; what stands there is not kept.
            ("multipart/mixed;boundary=x", "--x|see you||--x|{sdp}", "--x|*** ***||--x|{sdp}"),
            ("multipart/mixed;boundary=x", "--x|nine", "--x|****"),
            (
                "multipart/mixed; boundary=x",
                "--x|Content-Type: multipart/alternative;| boundary=y||--y|{sdp}--y||at nine|--y--|--x--",
                "--x|Content-Type: multipart/alternative;| boundary=y||--y|{sdp}--y||** ****|--y--|--x--",
            ),
            (
                "multipart/mixed;boundary=z",
                "--x|{sdp}",
                "***|************* ***************||***|**************|",
            ),
        ] {
            let [body, expected] = [body, expected].map(|text| text.replace("{sdp}", sdp));
            assert_eq!(redacted(&message(kind, &body)), message(kind, &expected), "{kind}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_octets_keep_their_length(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let mut message = octets.clone();
            redact(&mut message);
            proptest::prop_assert_eq!(message.len(), octets.len());
        }

        #[test]
        fn any_text_of_what_rules_look_for_keeps_its_length(
            words in proptest::collection::vec("(Authorization|:|Digest|=|\"|,|;|token|sip:|@|inline:|ice-pwd:|\r|\n| |a|\\\\|k=|\\.|Identity)", 0..60),
        ) {
            let text = words.concat();
            proptest::prop_assert_eq!(redacted(&text).len(), text.len());
        }
    }
}
