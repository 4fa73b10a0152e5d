//! Session keys from the master key and salt (RFC 3711 4.3, RFC 7714 11).
//!
//! The function is AES in counter mode over zeros, for the Galois profiles too; their salt of 96
//! bits stands at the front of the 112. The key derivation rate is zero: keys are derived once.

use aes::cipher::{KeyIvInit, KeySizeUser, StreamCipher};
use aes::{Aes128, Aes256};
use ctr::Ctr128BE;

use super::profile::MasterKey;

/// What a session key is for (RFC 3711 4.3.1, 4.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

impl MasterKey<'_> {
    /// Fills `out` with the session key for `label`. The lengths were checked against a profile.
    pub(super) fn derive(&self, label: Label, out: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..self.salt.len()].copy_from_slice(self.salt);
        iv[7] ^= label as u8;
        out.fill(0);
        if self.key.len() == Aes128::key_size() {
            apply::<Ctr128BE<Aes128>>(self.key, &iv, out);
        } else {
            apply::<Ctr128BE<Aes256>>(self.key, &iv, out);
        }
    }

    /// The session key for `label` as an array.
    pub(super) fn derive_array<const N: usize>(&self, label: Label) -> [u8; N] {
        let mut out = [0; N];
        self.derive(label, &mut out);
        out
    }
}

fn apply<C: KeyIvInit + StreamCipher>(key: &[u8], iv: &[u8; 16], out: &mut [u8]) {
    C::new_from_slices(key, iv).expect("the key has the length of its profile").apply_keystream(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
    }

    #[test]
    fn session_keys_are_those_of_rfc_3711_b_3() {
        let key = hex("e1f97a0d3e018be0d64fa32c06de4139");
        let salt = hex("0ec675ad498afeebb6960b3aabe6");
        let master = MasterKey { key: &key, salt: &salt };
        assert_eq!(
            master.derive_array::<16>(Label::RtpEncryption)[..],
            hex("c61e7a93744f39ee10734afe3ff7a087")
        );
        assert_eq!(master.derive_array::<14>(Label::RtpSalt)[..], hex("30cbbc08863d8c85d49db34a9ae1"));
        assert_eq!(
            master.derive_array::<20>(Label::RtpAuthentication)[..],
            hex("cebe321f6ff7716b6fd4ab49af256a156d38baa4")
        );
    }

    #[test]
    fn session_keys_of_256_bits_are_those_of_rfc_6188_7_2() {
        let key = hex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6");
        let salt = hex("3b04803de51ee7c96423ab5b78d2");
        let master = MasterKey { key: &key, salt: &salt };
        assert_eq!(
            master.derive_array::<32>(Label::RtpEncryption)[..],
            hex("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4")
        );
        assert_eq!(master.derive_array::<14>(Label::RtpSalt)[..], hex("fa31791685ca444a9e07c6c64e93"));
        assert_eq!(
            master.derive_array::<20>(Label::RtpAuthentication)[..],
            hex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05")
        );
    }
}
