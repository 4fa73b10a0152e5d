//! What finds a WebRTC transport.

use is::stun::{StunMessageBuilder, TransId};
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};

/// The check of a peer whose ufrag is "peer".
pub(crate) fn check(ufrag: &str, password: &str) -> Vec<u8> {
    let username = format!("{ufrag}:peer");
    let check = StunMessageBuilder::new().binding().request().username(&username).prio(1).ice_controlling(1);
    let mut bytes = vec![0; 256];
    let length = check
        .build(TransId::new())
        .to_bytes(Some(password.as_bytes()), &mut bytes, |key, parts| {
            DefaultSha1HmacProvider.sha1_hmac(key, parts)
        })
        .expect("room enough");
    bytes.truncate(length);
    bytes
}
