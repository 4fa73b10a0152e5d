//! A call stepped by hand: what the parties do goes in, what the gateway wants comes out as words.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Span;
use webtrunk_codecs::tone::Digit;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_engine::call::{CallCommand, CallEvent, ConferenceRole, HearSource, KeyMode, PartySpec};
use webtrunk_engine::media::{PlaybackId, Prompt, RecordingEnd, RecordingFormat};
use webtrunk_engine::sdp::{CandidateFragment, Direction, FragmentError, SessionDescription, SrtpPolicy};
use webtrunk_engine::{EndCause, LegId};

use super::{B2bua, Directory, Effect, Input, Place, Redirects, Settings};
use crate::adapter::{
    Command, Event, HOPS_MAX, Incoming, MediaProfile, Origin, Party, RecordingPolicy, Target,
};
use crate::routing::{Bridge, BridgeTarget, Callee, Conference, FeatureKeys, Plan, Play, Record, Step, Tone};

mod calling;
mod choices;
mod conference;
mod courier;
mod hold;
mod keys;
mod late;
mod meeting;
mod notes;
mod originating;
mod passage;
mod plans;
mod recording;
mod recording_policy;
mod redirect;
mod replace;
mod restart;
mod rounds;
mod transfer;

const DESCRIPTION: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));

struct World;

impl Directory for World {
    fn places(&self, target: &BridgeTarget) -> Vec<Place> {
        let (count, profile) = match target {
            BridgeTarget::User(name) if name == "nobody" || name == "stranger" => (0, MediaProfile::Webrtc),
            BridgeTarget::User(name) if name == "two" => (2, MediaProfile::Webrtc),
            BridgeTarget::User(_) => (1, MediaProfile::Webrtc),
            BridgeTarget::Trunk { .. } => (1, MediaProfile::Rtp),
        };
        let place = |binding| Place {
            adapter: "sip",
            target: match target {
                BridgeTarget::Trunk { trunk, number } if &**trunk == "late" => {
                    Target::Trunk { trunk: trunk.to_string(), number: number.clone() }
                }
                BridgeTarget::User(name) if name == "kept" || name == "private" => {
                    Target::Contact { user: name.clone(), binding }
                }
                _ => Target::Contact { user: "bob".into(), binding },
            },
            profile,
            codecs: CodecId::USUAL.to_vec(),
            keys: KeyMode::Events,
            srtp: SrtpPolicy::Forbid,
            address: None,
        };
        (0..count).map(place).collect()
    }

    fn knows(&self, user: &str) -> bool {
        user != "stranger"
    }

    fn caller_codecs(&self, _: &Origin, _: MediaProfile) -> Vec<CodecId> {
        CodecId::USUAL.to_vec()
    }

    fn caller_srtp(&self, _: &Origin) -> SrtpPolicy {
        SrtpPolicy::Forbid
    }

    fn caller_keys(&self, _: &Origin) -> KeyMode {
        KeyMode::Events
    }

    fn calls_max(&self, _: &str) -> Option<usize> {
        None
    }

    fn recording(&self, party: &Origin) -> RecordingPolicy {
        match party {
            Origin::User(name) if name == "kept" => RecordingPolicy::Always,
            Origin::User(name) if name == "private" => RecordingPolicy::Never,
            _ => RecordingPolicy::ByRule,
        }
    }

    fn may_transfer(&self, origin: &Origin) -> bool {
        matches!(origin, Origin::User(_))
    }

    fn may_pick_up(&self, who: &Origin, of: &Origin) -> bool {
        (who, of) == (&Origin::User("colleague".into()), &Origin::User("bob".into()))
    }

    fn may_supervise(&self, who: &Origin, of: &Origin) -> bool {
        (who, of) == (&Origin::User("boss".into()), &Origin::User("bob".into()))
    }

    fn redirects(&self, origin: &Origin) -> Redirects {
        match origin {
            Origin::Trunk(name) if name == "pstn" => Redirects::Follow,
            Origin::User(name) if name == "mover" => Redirects::Pass,
            _ => Redirects::Refuse,
        }
    }

    fn makes_late_offers(&self, callee: &Origin) -> bool {
        *callee == Origin::Trunk("late".into())
    }

    fn may_text(&self, party: &Origin) -> bool {
        *party != Origin::Trunk("silent".into())
    }

    fn prompt(&self, name: &str) -> Option<Prompt> {
        (name == "hello").then(|| Prompt::new(&[0; 160], SampleRate::HZ_8000))
    }

    fn media_address(&self, _: Option<IpAddr>) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }
}

struct Bench {
    call: B2bua,
    caller: LegId,
    now: Instant,
}

impl Bench {
    fn new(steps: Vec<Step>, has_offer: bool) -> Self {
        Self::with_hops(steps, has_offer, HOPS_MAX)
    }

    fn with_hops(steps: Vec<Step>, has_offer: bool, hops: u8) -> Self {
        let caller = LegId::next();
        let incoming = Incoming {
            leg: caller,
            origin: Origin::User("alice".into()),
            caller: Party { user: "alice".into(), display_name: String::new() },
            destination: "100".into(),
            device: None,
            profile: MediaProfile::Webrtc,
            offer: has_offer.then(description),
            signalled_from: Ipv4Addr::LOCALHOST.into(),
            listener: "test".into(),
            headers: Vec::new(),
            recording: RecordingPolicy::ByRule,
            hops,
            passed: crate::adapter::Passage::default(),
            replaces: None,
            span: Span::none(),
        };
        let plan = Plan { rule: Arc::from("test"), steps };
        let now = Instant::now();
        let call = B2bua::new(incoming, "sip", plan, Settings::default(), &World, now);
        Self { call, caller, now }
    }

    fn calling(target: BridgeTarget) -> Self {
        Self::calling_then(target, Vec::new())
    }

    fn calling_then(target: BridgeTarget, after: Vec<Step>) -> Self {
        let mut steps = vec![Step::Bridge(bridge(target))];
        steps.extend(after);
        Self::new(steps, true)
    }

    fn signal(&mut self, event: Event) -> Vec<String> {
        self.call.handle_input(Input::Signal(event), &World, self.now);
        self.effects()
    }

    fn media(&mut self, event: CallEvent) -> Vec<String> {
        self.call.handle_input(Input::Media(event), &World, self.now);
        self.effects()
    }

    fn agreed(&mut self, leg: LegId, direction: Direction) -> Vec<String> {
        self.media(CallEvent::Agreed { leg, codec: CodecId::Pcmu, direction, takes_digits: true })
    }

    /// The engine made the offers, and the callees were dialled.
    fn dial_all(&mut self) -> Vec<LegId> {
        self.effects();
        let callees: Vec<_> = self.call.callees.iter().map(|callee| callee.leg).collect();
        for leg in &callees {
            self.media(CallEvent::OfferReady { leg: *leg, description: description() });
        }
        callees
    }

    /// Everything up to two parties that talk.
    fn talking(target: BridgeTarget) -> (Self, LegId) {
        let mut bench = Self::calling(target);
        let (callee, _) = bench.talk();
        (bench, callee)
    }

    /// The first who is called lifts, and both talk: that one's leg, and what the answer brought.
    fn talk(&mut self) -> (LegId, Vec<String>) {
        let callee = self.dial_all()[0];
        self.answer(callee);
        self.agreed(callee, Direction::SendRecv);
        let caller = self.caller;
        let words = self.media(CallEvent::AnswerReady { leg: caller, description: description() });
        self.agreed(caller, Direction::SendRecv);
        (callee, words)
    }

    fn answer(&mut self, leg: LegId) -> Vec<String> {
        self.signal(Event::Answered { leg, description: Some(description()), signalled_from: FROM })
    }

    fn press(&mut self, digit: char) -> Vec<String> {
        let leg = self.caller;
        self.signal(Event::DigitPressed { leg, digit, duration: Duration::from_millis(100) })
    }

    fn pass(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        self.call.handle_timeout(&World, self.now);
        self.effects()
    }

    fn effects(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(effect) = self.call.poll_effect() {
            words.push(self.words(&effect));
        }
        words
    }

    fn words(&self, effect: &Effect) -> String {
        let who = |leg: &LegId| if *leg == self.caller { "caller" } else { "callee" };
        match effect {
            Effect::Signal { command, .. } => match command {
                Command::Dial(dial) => format!("dial {}", who(&dial.leg)),
                Command::Ring { leg, description: None } => format!("ring {}", who(leg)),
                Command::Ring { leg, description: Some(_) } => format!("ring {} early", who(leg)),
                Command::Answer { leg, .. } => format!("answer {}", who(leg)),
                Command::AnswerReoffer { leg, .. } => format!("answer reoffer of {}", who(leg)),
                Command::RefuseReoffer { leg, .. } => format!("refuse reoffer of {}", who(leg)),
                Command::Reoffer { leg, .. } => format!("reoffer {}", who(leg)),
                Command::SendDigit { leg, digit, duration } => {
                    format!("signal {digit} to {} for {duration:?}", who(leg))
                }
                Command::AnswerCandidates { leg, refused } => {
                    format!("candidates of {}: {refused:?}", who(leg))
                }
                Command::TransferProgress { leg, progress } => format!("tell {} {progress:?}", who(leg)),
                Command::Tell { leg, news } => format!("tell {} {news:?}", who(leg)),
                Command::AnswerRecord { leg, is_done } => format!("record of {} {is_done}", who(leg)),
                Command::Redirect { leg, places } => format!("send {} on to {places:?}", who(leg)),
                Command::Hangup { leg, cause } => format!("hang up {} {cause:?}", who(leg)),
                Command::PassContent { leg, content, .. } => {
                    format!("pass {} to {}", content.media_type, who(leg))
                }
                Command::AnswerContent { leg, delivery, .. } => format!("tell {} {delivery:?}", who(leg)),
                Command::SendText(text) => format!("send {:?}", text.target),
                Command::AnswerText { delivery, .. } => format!("tell writer {delivery:?}"),
                Command::RefuseCalls => "refuse calls".into(),
                Command::Drain => "drain".into(),
            },
            Effect::Refuse { leg, cause, .. } => format!("refuse {} {cause:?}", who(leg)),
            Effect::Joined { .. } => "two ends are joined".into(),
            Effect::TransferTold { leg, progress } => format!("note of {} {progress:?}", who(leg)),
            Effect::Route { origin, destination, .. } => format!("route {origin:?} to {destination}"),
            Effect::Media(command) => match command {
                CallCommand::AddLeg(spec) => format!("add {}", who(&spec.leg)),
                CallCommand::CreateOffer { leg, .. } => format!("offer {}", who(leg)),
                CallCommand::RestartIce { leg, .. } => format!("restart ICE of {}", who(leg)),
                CallCommand::ReceiveOffer { leg, signalled_from: None, .. } => {
                    format!("offered by {}", who(leg))
                }
                CallCommand::ReceiveOffer { leg, signalled_from: Some(from), .. } => {
                    format!("offered by {} from {from}", who(leg))
                }
                CallCommand::CreateAnswer { leg, .. } => format!("make answer for {}", who(leg)),
                CallCommand::ReceiveAnswer { leg, .. } => format!("answered by {}", who(leg)),
                CallCommand::AddCandidates { leg, .. } => format!("candidates of {}", who(leg)),
                CallCommand::RollBack { leg } => format!("roll back {}", who(leg)),
                CallCommand::Hear { leg, source } => format!("{} hears {}", who(leg), self.source(source)),
                CallCommand::SendDigit { leg, digit, duration } => {
                    format!("send {} to {} for {duration:?}", digit.to_char(), who(leg))
                }
                CallCommand::BeginDigit { leg, digit } => {
                    format!("begin {} to {}", digit.to_char(), who(leg))
                }
                CallCommand::EndDigit { leg, digit, duration } => {
                    format!("end {} to {} after {duration:?}", digit.to_char(), who(leg))
                }
                CallCommand::StartRecording { leg, format } => format!("record {} as {format:?}", who(leg)),
                CallCommand::StopRecording => "stop recording".into(),
                CallCommand::PauseRecording => "pause recording".into(),
                CallCommand::ResumeRecording => "resume recording".into(),
                CallCommand::MarkRecording => "mark recording".into(),
                CallCommand::JoinConference(spec) => {
                    format!("{} joins as {} {:?}", who(&spec.leg), spec.name, spec.role)
                }
                CallCommand::ChangeParty(spec) => {
                    let PartySpec { leg, role, gain_db, is_muted, .. } = &**spec;
                    format!("{} is {role:?} at {gain_db} dB, muted {is_muted}", who(leg))
                }
                CallCommand::RemoveLeg { leg } => format!("remove {}", who(leg)),
                CallCommand::End => "end".into(),
                CallCommand::ReadStats { .. } => "stats".into(),
                CallCommand::StartCapture { .. } => "capture".into(),
                CallCommand::EndCapture => "end capture".into(),
            },
        }
    }

    fn source(&self, source: &HearSource) -> &'static str {
        match source {
            HearSource::Nothing => "nothing",
            HearSource::Leg(leg) if *leg == self.caller => "caller",
            HearSource::Leg(_) => "callee",
            HearSource::Prompts { prompts, is_looped: false, .. } if prompts.len() > 1 => "prompts",
            HearSource::Prompts { .. } => "prompt",
            HearSource::Tone { .. } => "tone",
            HearSource::Silence => "silence",
        }
    }
}

fn description() -> Box<SessionDescription> {
    Box::new(SessionDescription::parse(DESCRIPTION).expect("a good description"))
}

fn play(count: usize, is_interruptible: bool) -> Step {
    Step::Play(Play { prompts: vec![Arc::from("hello"); count], is_repeated: false, is_interruptible })
}

fn record(format: RecordingFormat) -> Record {
    let keys = FeatureKeys::default();
    Record { format, is_on_demand: false, keys, takes_requests: false, is_for_trunks: false }
}

fn finished(leg: LegId, playback: u32) -> CallEvent {
    CallEvent::PlaybackFinished { leg, playback: PlaybackId(playback) }
}

fn bridge(target: BridgeTarget) -> Bridge {
    Bridge::new(vec![Callee { target, ring_timeout: Duration::from_secs(30) }])
}

fn user() -> BridgeTarget {
    BridgeTarget::User("bob".into())
}

fn trunk() -> BridgeTarget {
    BridgeTarget::Trunk { trunk: Arc::from("pstn"), number: "100".into() }
}
