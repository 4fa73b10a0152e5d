//! The shared test data's vectors: RFC 3711 B, RFC 7714 16, RFC 6188 7.2.
//!
//! What the RFCs say of session keys is checked beside each cipher too; here every field of the
//! shared file that concerns our profiles is.

use serde_json::Value;

use super::counter_mode::keystream_of;
use super::gcm::seal_with;
use super::key_derivation::Label;
use super::profile::MasterKey;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/srtp/vectors.json");

#[test]
#[allow(clippy::print_stdout, reason = "says that it had nothing to check")]
fn shared_vectors_are_met() {
    let Ok(text) = std::fs::read_to_string(VECTORS) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "the shared test data is missing");
        println!("passed over: no shared test data");
        return;
    };
    let vectors: Vec<Value> = serde_json::from_str(&text).expect("the shared file is JSON");
    let checked = vectors.iter().filter(|vector| check(vector)).count();
    assert_eq!(checked, 5, "one of each but the AES-256 key stream, which no profile of ours has");
}

/// Checks one entry; `false` if it is of a cipher that we have not.
fn check(vector: &Value) -> bool {
    match vector["rfc"].as_str().expect("every entry names its RFC") {
        "3711 B.2" => {
            let (key, iv) = (hex(&vector["key"]), hex(&vector["iv"]));
            let stream = keystream_of(&key, &iv, 16 * 0xff02);
            for (number, block) in vector["blocks"].as_object().expect("blocks by number") {
                let at = 16 * number.parse::<usize>().expect("a number");
                assert_eq!(stream[at..at + 16], hex(block), "block {number}");
            }
            true
        }
        "3711 B.3" | "6188 s7.2" => {
            let (key, salt) = (hex(&vector["master_key"]), hex(&vector["master_salt"]));
            let master = MasterKey { key: &key, salt: &salt };
            let derives = |label, field: &str| {
                let expected = &vector[field];
                if !expected.is_null() {
                    let expected = hex(expected);
                    let mut derived = vec![0; expected.len()];
                    master.derive(label, &mut derived);
                    assert_eq!(derived, expected, "{field}");
                }
            };
            derives(Label::RtpEncryption, "cipher_key");
            derives(Label::RtpSalt, "cipher_salt");
            derives(Label::RtpAuthentication, "auth_key94");
            derives(Label::RtpAuthentication, "auth_key20");
            true
        }
        "7714 s16.1.1" | "7714 s16.2.1" => {
            let header = hex(&vector["header"]);
            let (key, salt) = (hex(&vector["key"]), hex(&vector["salt"]));
            let packet = seal_with(&key, &salt, &header, &hex(&vector["plaintext"]));
            assert_eq!(packet, hex(&vector["packet"]));
            true
        }
        "6188 s7.1" => false,
        other => panic!("new vectors of RFC {other}: check them"),
    }
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().expect("a hexadecimal string");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}
