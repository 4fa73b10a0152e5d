//! HTTP's basic authentication (RFC 7617).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Longest Authorization that is read, in octets: a name of 256 and its MAC in Base64 fit, and so does any key.
const AUTHORIZATION_MAX: usize = 1024;

/// The name and the password of an Authorization, with the colon between them.
pub(crate) fn decoded(authorization: &str) -> Option<Zeroizing<String>> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    let is_basic = scheme.eq_ignore_ascii_case("basic") && authorization.len() <= AUTHORIZATION_MAX;
    let octets = STANDARD.decode(encoded.trim()).ok().filter(|_| is_basic)?;
    String::from_utf8(octets).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_its_password_are_read_and_nothing_else() {
        let read = |text: &str| decoded(text).map(|pair| pair.as_str().to_owned());
        // RFC 7617 2.
        assert_eq!(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").as_deref(), Some("Aladdin:open sesame"));
        assert_eq!(read("basic  YTpi").as_deref(), Some("a:b"));
        let long = format!("Basic {}", "QUFB".repeat(300));
        for wrong in ["Bearer YTpi", "Basic", "Basic !", "YTpi", "Basic /w==", &long] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
