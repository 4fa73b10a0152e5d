//! Which number stands for which format on this leg, for the leg's life.
//!
//! A number that once meant one format never comes to mean another (RFC 3264 8.3.2): packets of the old
//! meaning may still be under way.

use webtrunk_codecs::{ClockRate, CodecId};

use super::format::{PayloadFormat, RemoteFormat};
use crate::rtp::PayloadType;

/// The numbers of a leg.
#[derive(Debug, Clone, Default)]
pub(super) struct PayloadTypes {
    /// Numbers given so far, the latest last; each stands once.
    given: Vec<(PayloadType, PayloadFormat)>,
    /// Numbers that the peer uses for what we do not speak, one bit each: it would take them for that.
    foreign: u128,
}

impl PayloadTypes {
    /// The number by which we offer to receive `format`: its latest, else a free one. `None` when a peer has
    /// used up all numbers.
    pub(super) fn offer(&mut self, format: PayloadFormat) -> Option<PayloadType> {
        let latest = self.given.iter().rev().find(|(_, given)| *given == format);
        if let Some((payload_type, _)) = latest {
            return Some(*payload_type);
        }
        let fixed = format.static_payload_type();
        let candidates = fixed.into_iter().chain([favourite(format)]).chain(DYNAMIC);
        let payload_type = candidates.filter_map(PayloadType::new).find(|number| self.is_free(*number))?;
        self.given.push((payload_type, format));
        Some(payload_type)
    }

    /// The number by which we answer `format`: the offer's own (RFC 3264 6.1), unless it means something else here.
    pub(super) fn answer(&mut self, format: PayloadFormat, offered: PayloadType) -> Option<PayloadType> {
        match self.meaning(offered) {
            Some(meaning) if meaning != format => return self.offer(format),
            Some(_) => self.given.retain(|(payload_type, _)| *payload_type != offered),
            None => {}
        }
        self.given.push((offered, format));
        Some(offered)
    }

    /// Keeps in mind what the peer calls the formats that its offer has beside the answered ones, so that our
    /// own offers call them the same.
    pub(super) fn learn(&mut self, formats: &[RemoteFormat], all: impl Iterator<Item = PayloadType>) {
        for remote in formats {
            let is_named = self.given.iter().any(|(_, given)| *given == remote.format);
            if !is_named && self.is_free(remote.payload_type) {
                self.given.push((remote.payload_type, remote.format));
            }
        }
        self.foreign |= all.fold(0, |foreign, payload_type| foreign | (1 << payload_type.number()));
    }

    fn is_free(&self, payload_type: PayloadType) -> bool {
        self.meaning(payload_type).is_none() && (self.foreign >> payload_type.number()) & 1 == 0
    }

    fn meaning(&self, payload_type: PayloadType) -> Option<PayloadFormat> {
        self.given.iter().find(|(given, _)| *given == payload_type).map(|(_, format)| *format)
    }
}

/// The numbers that browsers give these formats, so that captures read as usual.
fn favourite(format: PayloadFormat) -> u8 {
    match format {
        PayloadFormat::Codec(CodecId::Opus) => 111,
        PayloadFormat::Codec(_) | PayloadFormat::ComfortNoise(_) => *DYNAMIC.start(),
        PayloadFormat::TelephoneEvent(ClockRate::HZ_48000) => 110,
        PayloadFormat::TelephoneEvent(_) => 101,
    }
}

/// RFC 3551 6.
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::{OpusParameters, TelephoneEvents};

    const OPUS: PayloadFormat = PayloadFormat::Codec(CodecId::Opus);
    const PCMU: PayloadFormat = PayloadFormat::Codec(CodecId::Pcmu);
    const DIGITS: PayloadFormat = PayloadFormat::TelephoneEvent(ClockRate::HZ_8000);

    fn number(number: u8) -> PayloadType {
        PayloadType::new(number).expect("below 128")
    }

    #[test]
    fn numbers_stay_what_they_were() {
        let mut payload_types = PayloadTypes::default();
        for _ in 0..3 {
            assert_eq!(payload_types.offer(OPUS), Some(number(111)));
            assert_eq!(payload_types.offer(PCMU), Some(number(0)));
            assert_eq!(payload_types.offer(DIGITS), Some(number(101)));
        }
    }

    #[test]
    fn an_answer_takes_the_offers_number_and_keeps_it() {
        let mut payload_types = PayloadTypes::default();
        assert_eq!(payload_types.answer(OPUS, number(101)), Some(number(101)));
        assert_eq!(payload_types.offer(DIGITS), Some(number(96)), "101 is taken");
        assert_eq!(payload_types.offer(OPUS), Some(number(101)));
    }

    #[test]
    fn a_number_is_never_given_a_second_meaning() {
        let mut payload_types = PayloadTypes::default();
        payload_types.answer(DIGITS, number(96));
        assert_eq!(payload_types.answer(OPUS, number(96)), Some(number(111)));
        assert_eq!(payload_types.answer(OPUS, number(97)), Some(number(97)));
        assert_eq!(
            payload_types.answer(OPUS, number(111)),
            Some(number(111)),
            "an older number of the same format"
        );
        assert_eq!(payload_types.offer(OPUS), Some(number(111)));
    }

    #[test]
    fn our_offers_use_the_peers_numbers_and_leave_its_foreign_ones_alone() {
        let mut payload_types = PayloadTypes::default();
        payload_types.answer(OPUS, number(96));
        let offered = [(96, OPUS), (97, OPUS), (126, DIGITS)].map(|(payload_type, format)| RemoteFormat {
            payload_type: number(payload_type),
            format,
            opus: OpusParameters::default(),
            events: TelephoneEvents::default(),
        });
        payload_types.learn(&offered, [96, 97, 110, 126].map(number).into_iter());
        assert_eq!(payload_types.offer(OPUS), Some(number(96)));
        assert_eq!(payload_types.offer(DIGITS), Some(number(126)));
        let wide_digits = PayloadFormat::TelephoneEvent(ClockRate::HZ_48000);
        assert_eq!(payload_types.offer(wide_digits), Some(number(98)), "110 is something else there");
    }

    #[test]
    fn going_to_and_fro_between_numbers_takes_no_more_room() {
        let mut payload_types = PayloadTypes::default();
        for _ in 0..100 {
            payload_types.answer(OPUS, number(96));
            payload_types.answer(OPUS, number(97));
        }
        assert_eq!(payload_types.given, [(number(96), OPUS), (number(97), OPUS)]);
    }

    #[test]
    fn a_peer_that_uses_up_all_numbers_gets_none() {
        let mut payload_types = PayloadTypes::default();
        for value in 0..128 {
            payload_types.answer(OPUS, number(value));
        }
        assert_eq!(payload_types.offer(DIGITS), None);
        assert_eq!(payload_types.offer(OPUS), Some(number(127)));
    }
}
