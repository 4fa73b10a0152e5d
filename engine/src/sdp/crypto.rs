//! `a=crypto`: keys of SRTP in the description (RFC 4568 9.1).

use std::fmt;

use crate::srtp::{ProtectionProfile, SdesKey};

/// The value of an `a=crypto` as it came. Not printed by `Debug`, since a key stands in it.
#[derive(Clone, PartialEq, Eq)]
pub struct CryptoLine(String);

/// What an `a=crypto` says, where it is one that we can do.
///
/// A key's lifetime is read and left to the peer, whose key it is; ours have the longest that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crypto {
    /// Ties an answer to the line that it takes.
    pub tag: u32,
    /// By which the describer protects what it sends.
    pub key: SdesKey,
}

/// Why an `a=crypto` is of no use; the line is passed over (RFC 4568 5.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoFault {
    /// There is none.
    #[error("there is no a=crypto")]
    Missing,
    /// Not the grammar.
    #[error("malformed a=crypto")]
    Malformed,
    /// A cipher that we do not have.
    #[error("unknown crypto suite")]
    UnknownSuite,
    /// Not base64, or not as long as the suite wants.
    #[error("the key is not one of its suite")]
    BadKey,
    /// More than one key, or a key with an identifier (MKI): not done.
    #[error("several keys or a key identifier (MKI)")]
    Mki,
    /// `UNENCRYPTED_SRTP`, `UNENCRYPTED_SRTCP` or `UNAUTHENTICATED_SRTP`: protection in name only.
    #[error("it asks to leave encryption or authentication out")]
    Unprotected,
    /// Another session parameter that has to be understood, and is not.
    #[error("unknown session parameter")]
    UnknownParameter,
}

impl CryptoLine {
    /// Takes the value as it stands in the text.
    #[must_use]
    pub fn new(value: &str) -> Self {
        Self(value.to_owned())
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`CryptoFault`] where it cannot be used.
    pub fn read(&self) -> Result<Crypto, CryptoFault> {
        let mut words = self.0.split_ascii_whitespace();
        let tag = words.next().and_then(parse_tag).ok_or(CryptoFault::Malformed)?;
        let suite = words.next().ok_or(CryptoFault::Malformed)?;
        let profile = ProtectionProfile::from_sdes_name(suite).ok_or(CryptoFault::UnknownSuite)?;
        let keys = words.next().ok_or(CryptoFault::Malformed)?;
        words.try_for_each(check_session_parameter)?;
        if keys.contains(';') {
            return Err(CryptoFault::Mki);
        }
        let inline = keys.get(..INLINE.len()).filter(|method| method.eq_ignore_ascii_case(INLINE));
        let mut parts = keys[inline.ok_or(CryptoFault::Malformed)?.len()..].split('|');
        let key = parts.next().and_then(|text| SdesKey::from_base64(profile, text));
        let key = key.ok_or(CryptoFault::BadKey)?;
        match (parts.next(), parts.next()) {
            (None, _) => Ok(Crypto { tag, key }),
            (Some(lifetime), None) if is_lifetime(lifetime) => Ok(Crypto { tag, key }),
            (Some(part), None) if !part.contains(':') => Err(CryptoFault::Malformed),
            (Some(_), _) => Err(CryptoFault::Mki),
        }
    }
}

impl From<Crypto> for CryptoLine {
    fn from(Crypto { tag, key }: Crypto) -> Self {
        Self(format!("{tag} {} {INLINE}{}", key.profile().sdes_name(), key.to_base64()))
    }
}

impl fmt::Display for CryptoLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CryptoLine {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CryptoLine").finish_non_exhaustive()
    }
}

/// One to nine digits (RFC 4568 9.1); a zero in front, which there must not be, changes nothing.
fn parse_tag(word: &str) -> Option<u32> {
    let is_sound = word.len() <= 9 && word.bytes().all(|b| b.is_ascii_digit());
    is_sound.then(|| word.parse().ok()).flatten()
}

/// A count of packets, plain or as a power of two.
fn is_lifetime(text: &str) -> bool {
    let number = text.strip_prefix("2^").unwrap_or(text);
    !number.is_empty() && number.len() <= 15 && number.bytes().all(|b| b.is_ascii_digit())
}

/// RFC 4568 6.3. How large a replay window should be (`WSH`) is a hint, of which ours needs none, and what
/// begins with a dash may be passed over.
fn check_session_parameter(word: &str) -> Result<(), CryptoFault> {
    let is_hint = |prefix: &str| word.get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix));
    if is_hint("UNENCRYPTED_") || is_hint("UNAUTHENTICATED_") {
        return Err(CryptoFault::Unprotected);
    }
    if is_hint("-") || is_hint("WSH=") || word.eq_ignore_ascii_case("KDR=0") {
        return Ok(());
    }
    Err(CryptoFault::UnknownParameter)
}

/// The only key method (RFC 4568 6.1).
const INLINE: &str = "inline:";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 4568 6.1.
    const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    fn read(value: &str) -> Result<Crypto, CryptoFault> {
        CryptoLine::new(value).read()
    }

    #[test]
    fn what_we_write_we_read() {
        for profile in ProtectionProfile::ALL {
            let crypto = Crypto { tag: 7, key: SdesKey::random(profile) };
            let line = CryptoLine::from(crypto);
            assert!(line.to_string().starts_with(&format!("7 {} inline:", profile.sdes_name())));
            assert_eq!(line.read(), Ok(crypto));
        }
    }

    #[test]
    fn lines_of_real_phones_are_read() {
        for value in [
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("001 aes_cm_128_hmac_sha1_32 INLINE:{KEY}|2^20"),
            format!("4 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1048576 WSH=128 KDR=0 -X=1"),
        ] {
            let crypto = read(&value).expect("can be used");
            assert_eq!(crypto.key.to_base64(), KEY, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_told_apart() {
        use CryptoFault::{BadKey, Malformed, Mki, UnknownParameter, UnknownSuite, Unprotected};
        let suite = "AES_CM_128_HMAC_SHA1_80";
        for (value, fault) in [
            (String::new(), Malformed),
            (format!("x {suite} inline:{KEY}"), Malformed),
            (format!("1234567890 {suite} inline:{KEY}"), Malformed),
            (format!("1 {suite}"), Malformed),
            (format!("1 {suite} prompt:{KEY}"), Malformed),
            (format!("1 {suite} inline:{KEY}|soon"), Malformed),
            (format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"), UnknownSuite),
            (format!("1 AES_256_CM_HMAC_SHA1_80 inline:{KEY}"), UnknownSuite),
            (format!("1 {suite} inline:{}", &KEY[1..]), BadKey),
            (format!("1 AEAD_AES_256_GCM inline:{KEY}"), BadKey),
            (format!("1 {suite} inline:{KEY}|2^20|1:4"), Mki),
            (format!("1 {suite} inline:{KEY}|1:4"), Mki),
            (format!("1 {suite} inline:{KEY}|2^20|1:4;inline:{KEY}|2^20|2:4"), Mki),
            (format!("1 {suite} inline:{KEY} UNENCRYPTED_SRTP"), Unprotected),
            (format!("1 {suite} inline:{KEY} UNENCRYPTED_SRTCP"), Unprotected),
            (format!("1 {suite} inline:{KEY} WSH=64 UNAUTHENTICATED_SRTP"), Unprotected),
            (format!("1 {suite} inline:{KEY} KDR=4"), UnknownParameter),
            (format!("1 {suite} inline:{KEY} FEC_ORDER=FEC_SRTP"), UnknownParameter),
        ] {
            assert_eq!(read(&value), Err(fault), "{value}");
        }
    }

    #[test]
    fn a_line_is_not_printed_by_debug() {
        let line = CryptoLine::new(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"));
        assert!(!format!("{line:?} {:?}", line.read()).contains(&KEY[..8]));
    }

    proptest! {
        #[test]
        fn no_text_panics(value in "\\PC{0,80}", tail in "[a-zA-Z0-9:|;^= ]{0,60}") {
            let _ = read(&value);
            let _ = read(&format!("1 AES_CM_128_HMAC_SHA1_80 {tail}"));
        }
    }
}
