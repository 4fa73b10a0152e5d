//! Names that nobody can guess: branches, tags, Call-IDs; and dice for what must not be in step.

use std::time::Duration;

use hmac::{Hmac, Mac};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use sha2::Sha256;

use super::message::Request;

/// Makes identifiers from one secret seed. RFC 3261 19.3 wants 32 random bits in a tag; with 64, whoever
/// does not see the messages cannot end a call.
#[derive(Debug)]
pub struct Identifiers {
    random: StdRng,
    secret: [u8; 32],
}

impl Identifiers {
    /// Begins with a seed from the system's random source; the same seed gives the same names.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        let mut random = StdRng::from_seed(seed);
        let mut secret = [0; 32];
        random.fill_bytes(&mut secret);
        Self { random, secret }
    }

    /// A branch with the magic cookie (RFC 3261 8.1.1.7).
    pub fn branch(&mut self) -> String {
        format!("z9hG4bK{:016x}", self.random.next_u64())
    }

    /// A tag (RFC 3261 19.3).
    pub fn tag(&mut self) -> String {
        format!("{:016x}", self.random.next_u64())
    }

    /// A Call-ID (RFC 3261 8.1.1.4). No host in it: it would tell our inner addresses.
    pub fn call_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.random.next_u64(), self.random.next_u64())
    }

    /// The tag of a response that leaves no state behind: the same for the same request (RFC 3261 8.2.7).
    #[must_use]
    pub fn stateless_tag(&self, request: &Request) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        for header in request.headers.iter() {
            use super::message::HeaderName::{CSeq, CallId, From};
            if matches!(header.name, CallId | CSeq | From) {
                mac.update(header.value.as_bytes());
                mac.update(b"\n");
            }
        }
        let digest = mac.finalize().into_bytes();
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// How long to wait before an offer that met another is made again, in steps of 10 ms: 2.1 to 4 s for who
    /// made the Call-ID, up to 2 s for the other (RFC 3261 14.1).
    pub fn glare_delay(&mut self, is_ours: bool) -> Duration {
        let steps = if is_ours { 210..=400 } else { 0..=200 };
        Duration::from_millis(10 * self.random.random_range::<u64, _>(steps))
    }

    /// Where RSeq begins: 1 to 2^31 - 1 (RFC 3262 3).
    pub fn rseq(&mut self) -> u32 {
        self.random.random_range(1..1 << 31)
    }

    /// Seconds for Retry-After, 1 to 10: spread, so that those who were refused together do not come
    /// back together.
    pub fn retry_after(&mut self) -> u32 {
        self.random.random_range(1..=10)
    }
}
