//! How an agent describes its audio, where not as it usually does.

use std::net::SocketAddr;

use webtrunk_codecs::CodecId;

use super::format::payload_types;
use super::{Agreement, Format};

/// What is different in an agent's descriptions. By default nothing is.
#[derive(Debug, Clone, Default)]
pub struct Dialect {
    /// `fmtp` of Opus, in place of what browsers say.
    pub opus: Option<String>,
    /// `ptime`, in place of 20.
    pub ptime_ms: Option<u16>,
    /// Whether it takes comfort noise (RFC 3389).
    pub comfort_noise: bool,
    /// Numbers what has no fixed payload type from here on, whatever the other end calls it.
    pub payload_types_from: Option<u8>,
    /// Where others are whom it names as its candidates: in place of its own where it checks, behind its own where it
    /// is lite.
    pub elsewhere: Vec<SocketAddr>,
}

impl Dialect {
    /// The formats of an offer.
    pub(crate) fn offered(&self, codecs: &[CodecId]) -> Vec<Format> {
        let mut formats = payload_types(codecs);
        let has_noise = |codec: &CodecId| codec.clock_rate().hz() == NOISE_CLOCK_HZ;
        if self.comfort_noise && codecs.iter().any(has_noise) {
            formats.push(Format::noise());
        }
        self.apply(formats)
    }

    /// The formats of the answer that says so.
    pub(crate) fn answered(&self, agreement: &Agreement) -> Vec<Format> {
        let mut formats = agreement.answer_formats();
        if self.comfort_noise && agreement.noise.is_some() {
            formats.push(Format::noise());
        }
        self.apply(formats)
    }

    /// The `ptime` of its descriptions, ms.
    pub(crate) fn ptime_ms(&self) -> u16 {
        self.ptime_ms.unwrap_or(20)
    }

    fn apply(&self, mut formats: Vec<Format>) -> Vec<Format> {
        let mut number = self.payload_types_from;
        for format in &mut formats {
            if let Some(opus) = self.opus.as_ref().filter(|_| format.codec() == Some(CodecId::Opus)) {
                format.parameters.clone_from(opus);
            }
            let is_dynamic = format.payload_type >= DYNAMIC_MIN;
            if let Some(next) = number.as_mut().filter(|_| is_dynamic) {
                format.payload_type = *next;
                *next += 1;
            }
        }
        formats
    }
}

/// The clock of the comfort noise that our agents know.
pub(super) const NOISE_CLOCK_HZ: u32 = 8000;
/// RFC 3551 6.
const DYNAMIC_MIN: u8 = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_changes_what_it_says_and_nothing_else() {
        let codecs = [CodecId::Opus, CodecId::Pcmu];
        assert_eq!(Dialect::default().offered(&codecs), payload_types(&codecs));
        let dialect = Dialect {
            opus: Some("usedtx=1".to_owned()),
            comfort_noise: true,
            payload_types_from: Some(100),
            ..Dialect::default()
        };
        let said: Vec<_> = dialect.offered(&codecs);
        assert_eq!(said.iter().map(|it| it.payload_type).collect::<Vec<_>>(), [100, 0, 101, 102, 13]);
        assert_eq!(said[0].parameters, "usedtx=1");
        assert_eq!(dialect.offered(&[CodecId::Opus]).len(), 2, "Opus has its own noise");
    }
}
