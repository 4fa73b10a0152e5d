//! What both ends agreed on, RFC 3264.

use webtrunk_codecs::CodecId;

use super::{Direction, Format, RemoteDescription, SdpError};

/// What both ends agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// What we send, under the number that the other end gave it.
    pub(crate) codec: CodecId,
    pub(crate) format: Format,
    /// How we send digits, where the other end takes them.
    pub(crate) events: Option<Format>,
    /// Comfort noise, where the other end names it.
    pub(crate) noise: Option<Format>,
    /// Our direction.
    pub(crate) direction: Direction,
}

impl Agreement {
    /// From an answer: the first codec in it is what we send.
    ///
    /// # Errors
    /// Nothing in common.
    pub(crate) fn from_answer(answer: &RemoteDescription, offered: Direction) -> Result<Self, SdpError> {
        let format = answer.formats.iter().find(|format| format.codec().is_some());
        let direction = Direction::new(
            offered.sends() && answer.direction.receives(),
            offered.receives() && answer.direction.sends(),
        );
        Self::new(answer, format, direction)
    }

    /// From an offer: the first of `codecs` that is in it.
    ///
    /// # Errors
    /// Nothing in common.
    pub(crate) fn from_offer(
        offer: &RemoteDescription,
        codecs: &[CodecId],
        wish: Direction,
    ) -> Result<Self, SdpError> {
        let format = codecs.iter().find_map(|codec| offer.format_of(*codec));
        Self::new(offer, format, wish.answer_to(offer.direction))
    }

    /// The formats of the answer that says so.
    pub(crate) fn answer_formats(&self) -> Vec<Format> {
        let mut formats = vec![Format::offered(self.codec, self.format.payload_type)];
        formats.extend(
            self.events.as_ref().map(|events| Format::events(events.clock_rate_hz, events.payload_type)),
        );
        formats
    }

    fn new(
        remote: &RemoteDescription,
        format: Option<&Format>,
        direction: Direction,
    ) -> Result<Self, SdpError> {
        if remote.address.port() == 0 {
            return Err(SdpError::Refused);
        }
        let known = format.and_then(|format| Some((format.codec()?, format)));
        let (codec, format) = known.ok_or_else(|| {
            let names: Vec<_> = remote.formats.iter().map(|format| format.name.as_str()).collect();
            SdpError::NoCodec(names.join(", "))
        })?;
        let events = remote.formats.iter().filter(|it| it.is_events());
        // With the clock of the audio beside them, where there is a choice.
        let events = events.max_by_key(|it| it.clock_rate_hz == format.clock_rate_hz).cloned();
        let is_ours = |it: &&Format| it.is_noise() && it.clock_rate_hz == format.clock_rate_hz;
        let noise = remote.formats.iter().find(is_ours).cloned();
        Ok(Self { codec, format: format.clone(), events, noise, direction })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn offer(direction: &str) -> RemoteDescription {
        RemoteDescription::parse(&format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
             m=audio 4000 RTP/AVP 18 8 96 0 97 98\r\na=rtpmap:96 opus/48000/2\r\n\
             a=rtpmap:97 telephone-event/8000\r\na=rtpmap:98 telephone-event/48000\r\na={direction}\r\n"
        ))
        .unwrap()
    }

    #[test]
    fn the_answerer_chooses_by_its_own_order() {
        let agreement =
            Agreement::from_offer(&offer("sendrecv"), &[CodecId::Pcmu, CodecId::Opus], Direction::SendRecv)
                .unwrap();
        assert_eq!((agreement.codec, agreement.format.payload_type), (CodecId::Pcmu, 0));
        assert_eq!(agreement.events.unwrap().payload_type, 97);
    }

    #[test]
    fn digits_follow_the_clock_of_the_codec() {
        let agreement =
            Agreement::from_offer(&offer("sendonly"), &[CodecId::Opus], Direction::SendRecv).unwrap();
        assert_eq!(agreement.events.unwrap().payload_type, 98);
        assert_eq!(agreement.direction, Direction::RecvOnly);
    }

    #[test]
    fn the_offerer_sends_the_first_codec_of_the_answer() {
        let agreement = Agreement::from_answer(&offer("recvonly"), Direction::SendRecv).unwrap();
        assert_eq!((agreement.codec, agreement.direction), (CodecId::Pcma, Direction::SendOnly));
    }

    #[test]
    fn nothing_in_common_names_what_there_is() {
        let mut g729 = offer("sendrecv");
        g729.formats.retain(|format| format.name == "G729");
        let refusal = Agreement::from_offer(&g729, &CodecId::ALL, Direction::SendRecv).unwrap_err();
        assert_eq!(refusal, SdpError::NoCodec("G729".into()));
    }
}
