//! A call without sockets: all that would be described and agreed, by the code of calls that carry media.
//!
//! What needs a socket, a thread or another call is taken as done: prompts are over at once, a conference has room,
//! nothing is recorded. Legs that have left can still be looked at: what was agreed on is asked when the call is over.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::events::CallEvent;
use super::messages::{CallCommand, HearSource, LegSpec, TransportSpec};
use super::new_leg::wishes;
use super::state::Call;
use super::supplies::Supplies;
use crate::leg::{CodecReason, Leg, RtpTransport, answer_reason, order_reason};
use crate::net::{Outbox, SocketId};
use crate::{CallId, LegId};

/// A call that is told what others are told, and carries nothing.
pub struct Rehearsal {
    call: Call,
    /// Those of its legs that have left, as they were.
    left: Vec<Leg>,
    supplies: Arc<Supplies>,
    outbox: Outbox,
    told: VecDeque<CallEvent>,
    /// Why each leg's codecs are what they are, by the last description of ours.
    reasons: HashMap<LegId, CodecReason>,
    /// How many pairs of ports were given out.
    pairs: u16,
}

impl Rehearsal {
    /// A call without legs.
    #[must_use]
    pub fn new(supplies: Arc<Supplies>) -> Self {
        Self {
            call: Call::new(CallId::next(), Arc::clone(&supplies)),
            left: Vec::new(),
            supplies,
            outbox: Outbox::default(),
            told: VecDeque::new(),
            reasons: HashMap::new(),
            pairs: 0,
        }
    }

    /// Does what a command says.
    pub fn obey(&mut self, command: CallCommand, now: Instant) {
        match command {
            CallCommand::AddLeg(spec) => self.add_leg(&spec, now),
            CallCommand::RemoveLeg { leg } => {
                self.left.extend(self.call.remove_leg(leg, now, &mut self.outbox));
            }
            CallCommand::JoinConference(party) => {
                self.told.push_back(CallEvent::ConferenceJoined { leg: party.leg, parties: 1 });
            }
            CallCommand::StartRecording { .. } | CallCommand::ChangeParty(_) | CallCommand::End => {}
            command => {
                match &command {
                    CallCommand::CreateAnswer { leg, opposite } => self.note_answer(*leg, *opposite),
                    CallCommand::Hear {
                        leg,
                        source: HearSource::Prompts { is_looped: false, playback, .. },
                    } => {
                        self.told.push_back(CallEvent::PlaybackFinished { leg: *leg, playback: *playback });
                    }
                    _ => {}
                }
                self.call.obey(command, now, &mut self.outbox);
            }
        }
    }

    /// What it tells; call until `None`.
    pub fn poll_event(&mut self) -> Option<CallEvent> {
        self.call.poll_event().or_else(|| self.told.pop_front())
    }

    /// One of its legs, or of those that have left.
    #[must_use]
    pub fn leg(&self, id: LegId) -> Option<&Leg> {
        self.call.leg(id).or_else(|| self.left.iter().find(|leg| leg.id() == id))
    }

    /// Why a leg's codecs are what they are.
    #[must_use]
    pub fn reason(&self, id: LegId) -> Option<CodecReason> {
        self.reasons.get(&id).copied()
    }

    fn add_leg(&mut self, spec: &LegSpec, now: Instant) {
        let (codecs, opus_fmtp) = wishes(&self.call, spec, &self.supplies.config);
        let opposite = spec.opposite.and_then(|opposite| self.call.leg(opposite));
        self.reasons.insert(spec.leg, order_reason(spec.transport, opposite));
        let leg = match spec.transport {
            TransportSpec::Webrtc => {
                let config = &self.supplies.config;
                let of_datagrams =
                    config.webrtc_addresses.iter().map(|ip| ((*ip, config.webrtc_port).into(), SocketId(0)));
                let of_streams = config.webrtc_tcp.iter().map(|address| (*address, SocketId::STREAMS));
                let sockets = of_datagrams.chain(of_streams).collect();
                Leg::over_webrtc(spec.leg, sockets, codecs, opus_fmtp, &self.supplies, now)
            }
            TransportSpec::Rtp { advertised, signalled_from, srtp } => {
                let port = self.supplies.config.rtp_port_min.saturating_add(2 * self.pairs);
                self.pairs += 1;
                let transport = RtpTransport::new(port, SocketId(0), SocketId(1), signalled_from);
                let media = (advertised, srtp);
                let mut leg = Leg::over_rtp(spec.leg, transport, media, codecs, opus_fmtp, &self.supplies);
                leg.set_keys(spec.keys);
                leg
            }
        };
        self.call.add_leg(leg);
    }

    fn note_answer(&mut self, id: LegId, opposite: Option<LegId>) {
        let Some(leg) = self.call.leg(id) else { return };
        let opposite = opposite.and_then(|opposite| self.call.leg(opposite));
        self.reasons.insert(id, answer_reason(leg, opposite));
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::SystemTime;

    use webtrunk_codecs::CodecId::{self, G722, Opus, Pcma, Pcmu};

    use super::super::messages::KeyMode;
    use super::*;
    use crate::config::EngineConfig;
    use crate::dtls::DtlsCertificate;
    use crate::media::WallClock;
    use crate::sdp::{Direction, SessionDescription, SrtpPolicy};

    const CHROMIUM: &str = include_str!("../sdp/tests/fixtures/chromium_jssip_offer.sdp");

    fn describe(text: &str) -> Box<SessionDescription> {
        Box::new(SessionDescription::parse(text).expect("it is sound"))
    }

    fn described(rehearsal: &mut Rehearsal, leg: LegId) -> String {
        let events = std::iter::from_fn(|| rehearsal.poll_event());
        let description = events.filter_map(|event| match event {
            CallEvent::OfferReady { leg: of, description }
            | CallEvent::AnswerReady { leg: of, description }
                if of == leg =>
            {
                Some(description.to_string())
            }
            _ => None,
        });
        description.last().expect("it is described")
    }

    fn line(description: &str) -> &str {
        description.lines().find(|line| line.starts_with("m=")).expect("audio")
    }

    /// A call into which a browser comes with an offer.
    fn called_by(browser: LegId, now: Instant) -> Rehearsal {
        let supplies = Arc::new(Supplies {
            config: EngineConfig::default(),
            clock: WallClock::new(now, SystemTime::UNIX_EPOCH),
            certificate: Arc::new(DtlsCertificate::generate().expect("a certificate")),
        });
        let mut rehearsal = Rehearsal::new(supplies);
        rehearsal.obey(spec(browser, TransportSpec::Webrtc, &[Opus, G722, Pcmu, Pcma], None), now);
        let offer = describe(CHROMIUM);
        rehearsal
            .obey(CallCommand::ReceiveOffer { leg: browser, description: offer, signalled_from: None }, now);
        rehearsal
    }

    fn spec(
        leg: LegId,
        transport: TransportSpec,
        codecs: &[CodecId],
        opposite: Option<LegId>,
    ) -> CallCommand {
        let (codecs, keys) = (codecs.to_vec(), KeyMode::Events);
        CallCommand::AddLeg(Box::new(LegSpec { leg, transport, codecs, keys, opposite }))
    }

    #[test]
    fn what_was_agreed_on_is_told_of_a_leg_that_has_left_too() {
        let (browser, now) = (LegId::next(), Instant::now());
        let mut rehearsal = called_by(browser, now);
        rehearsal.obey(CallCommand::CreateAnswer { leg: browser, opposite: None }, now);
        rehearsal.obey(CallCommand::RemoveLeg { leg: browser }, now);
        let leg = rehearsal.leg(browser).expect("it is remembered");
        assert_eq!(leg.agreed().map(|agreed| agreed.codec), Some(Opus));
        assert_eq!((leg.transport_name(), rehearsal.leg(LegId::next()).is_none()), ("webrtc", true));
    }

    #[test]
    fn a_browser_that_calls_a_phone_keeps_opus_and_why_is_told() {
        let (browser, phone, now) = (LegId::next(), LegId::next(), Instant::now());
        let mut rehearsal = called_by(browser, now);
        let advertised = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let srtp = SrtpPolicy::Forbid;
        let transport = TransportSpec::Rtp { advertised, signalled_from: None, srtp };
        rehearsal.obey(spec(phone, transport, &[Pcma], Some(browser)), now);
        assert_eq!(rehearsal.reason(phone), Some(CodecReason::OthersFirst));
        rehearsal.obey(CallCommand::CreateOffer { leg: phone, direction: Direction::SendRecv }, now);
        let offer = described(&mut rehearsal, phone);
        assert!(line(&offer).starts_with("m=audio 20000 RTP/AVP 8 "), "{offer}");
        let answer = describe(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
        );
        let answer = CallCommand::ReceiveAnswer { leg: phone, description: answer, signalled_from: None };
        rehearsal.obey(answer, now);
        for (leg, other) in [(browser, phone), (phone, browser)] {
            rehearsal.obey(CallCommand::Hear { leg, source: HearSource::Leg(other) }, now);
        }
        rehearsal.obey(CallCommand::CreateAnswer { leg: browser, opposite: Some(phone) }, now);
        let answer = described(&mut rehearsal, browser);
        assert!(line(&answer).contains(" UDP/TLS/RTP/SAVPF 111 "), "{answer}");
        assert_eq!(rehearsal.reason(browser), Some(CodecReason::BrowserKeeps { other: Pcma }));
        let leg = rehearsal.leg(browser).expect("it is there");
        assert!(leg.stats().is_transcoded);
        assert_eq!(leg.agreed().map(|agreed| agreed.codec), Some(Opus));
    }
}
