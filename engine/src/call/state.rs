//! A call as a plain struct: legs, who hears whom, and what is due when. The actor around it only
//! brings commands, datagrams and the time.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{Span, debug, error_span, info, warn};
use webtrunk_codecs::tone::Digit;

use super::audibility::Audibility;
use super::events::CallEvent;
use super::hearing::PathReason;
use super::messages::{CallCommand, HearSource};
use super::recording::Recording;
use super::supplies::Supplies;
use crate::ice::{SourceChange, StunRoute};
use crate::leg::{Deed, DescriptionError, FarSide, Leg, LegEvent, LegStats, opus_wish, preferred_codec};
use crate::media::{Hears, Path, PlaybackId, Player};
use crate::net::Outbox;
use crate::rtp::telephone_event::{DIGIT_MAX, DIGIT_MIN, DigitEvent, QueueFull};
use crate::sdp::{CandidateFragment, Direction, NegotiationError, SessionDescription};
use crate::{CallId, EndCause, LegId};

/// Legs that one call may hold: two parties, and the forks that ring at one time.
pub const LEGS_MAX: usize = 16;

/// Events for which there is room from the begin: one packet tells of no more.
const EVENTS: usize = 4;

/// A call.
pub struct Call {
    id: CallId,
    span: Span,
    /// The room of the conference that its parties may join, once there is one.
    room: Option<Arc<str>>,
    pub(super) supplies: Arc<Supplies>,
    pub(super) legs: Vec<Leg>,
    audibility: Audibility,
    /// How hard codecs may work, 0..=10, where the shard says so.
    pub(super) complexity: Option<u8>,
    pub(super) events: VecDeque<CallEvent>,
    sources: VecDeque<(LegId, SourceChange)>,
    routes: VecDeque<(LegId, StunRoute)>,
    pub(super) recording: Option<Recording>,
}

impl Call {
    /// A call without legs.
    #[must_use]
    pub fn new(id: CallId, supplies: Arc<Supplies>) -> Self {
        Self {
            id,
            // At the highest level: a filter that leaves out a span leaves its events without their call.
            span: error_span!(parent: None, "call", %id),
            room: None,
            supplies,
            legs: Vec::with_capacity(2),
            audibility: Audibility::default(),
            complexity: None,
            events: VecDeque::with_capacity(EVENTS),
            sources: VecDeque::new(),
            routes: VecDeque::new(),
            recording: None,
        }
    }

    /// Its parties may join the conference in this room of the shard.
    pub(crate) fn set_room(&mut self, room: Arc<str>) {
        self.room = Some(room);
    }

    /// The room that it was made for; where that is none, one of its own, whose name nobody guesses.
    pub(crate) fn room_or_own(&mut self) -> &Arc<str> {
        let own = || format!("meeting {:032x}", rand::random::<u128>()).into();
        self.room.get_or_insert_with(own)
    }

    /// The room that its parties may join.
    pub(crate) fn room(&self) -> Option<&Arc<str>> {
        self.room.as_ref()
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Its span in the log. Media does not enter it: only what is told and timed is logged.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Its legs.
    #[must_use]
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// One of its legs.
    #[must_use]
    pub fn leg(&self, id: LegId) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.id() == id)
    }

    /// What it tells; call until `None`.
    pub fn poll_event(&mut self) -> Option<CallEvent> {
        self.events.pop_front()
    }

    /// An address from which datagrams are a leg's from now on, or no longer; call until `None`.
    pub fn poll_source(&mut self) -> Option<(LegId, SourceChange)> {
        self.sources.pop_front()
    }

    /// By what STUN messages are a leg's from now on, or no longer; call until `None`.
    pub fn poll_route(&mut self) -> Option<(LegId, StunRoute)> {
        self.routes.pop_front()
    }

    /// Does what a command says, as far as it concerns the call alone.
    pub fn obey(&mut self, command: CallCommand, now: Instant, outbox: &mut Outbox) {
        let span = self.span.clone();
        let _entered = span.enter();
        match command {
            CallCommand::CreateOffer { leg, direction } => self.create_offer(leg, direction),
            CallCommand::RestartIce { leg, direction } => self.restart_ice(leg, direction, now, outbox),
            CallCommand::ReceiveOffer { leg, description, signalled_from } => {
                self.receive_offer(leg, &description, signalled_from);
            }
            CallCommand::CreateAnswer { leg, opposite } => self.create_answer(leg, opposite, now, outbox),
            CallCommand::ReceiveAnswer { leg, description, signalled_from } => {
                self.receive_answer(leg, &description, signalled_from, now, outbox);
            }
            CallCommand::AddCandidates { leg, fragment } => self.add_candidates(leg, &fragment, now, outbox),
            CallCommand::RollBack { leg } => self.roll_back(leg, now, outbox),
            CallCommand::Hear { leg, source } => self.hear(leg, source, now),
            CallCommand::SendDigit { leg, digit, duration } => self.send_digit(leg, digit, duration, now),
            CallCommand::BeginDigit { leg, digit } => self.begin_digit(leg, digit, now),
            CallCommand::EndDigit { leg, digit, duration } => self.end_digit(leg, digit, duration),
            CallCommand::StopRecording => self.stop_recording(now),
            CallCommand::PauseRecording => self.recording.iter_mut().for_each(Recording::pause),
            CallCommand::ResumeRecording => self.recording.iter_mut().for_each(Recording::resume),
            CallCommand::MarkRecording => self.mark_recording(now),
            // Whoever asked may have gone.
            CallCommand::ReadStats { reply } => drop(reply.send(self.stats())),
            CallCommand::AddLeg(_)
            | CallCommand::StartRecording { .. }
            | CallCommand::JoinConference(_)
            | CallCommand::ChangeParty(_)
            | CallCommand::StartCapture { .. }
            | CallCommand::EndCapture
            | CallCommand::RemoveLeg { .. }
            | CallCommand::End => {
                unreachable!("the shard, which owns sockets, recorder and conferences, carries these out")
            }
        }
    }

    /// Lets codecs work no harder than this, 0..=10: what the shard has time for.
    pub fn set_complexity(&mut self, complexity: u8) {
        self.complexity = Some(complexity);
        for leg in &mut self.legs {
            if let Some(encoder) = leg.sender.encoder() {
                encoder.set_complexity(complexity);
            }
        }
    }

    /// Tells what somebody else found out about this call.
    pub fn tell(&mut self, event: CallEvent) {
        self.events.push_back(event);
    }

    /// Takes a leg in.
    pub fn add_leg(&mut self, mut leg: Leg) {
        leg.open_span(&self.span);
        leg.span().in_scope(|| info!(transport = leg.transport_name(), "leg added"));
        self.legs.push(leg);
    }

    /// Takes a leg out; who heard it hears nothing.
    pub fn remove_leg(&mut self, id: LegId, now: Instant, outbox: &mut Outbox) -> Option<Leg> {
        let index = self.index_of(id)?;
        let mut leg = self.legs.swap_remove(index);
        leg.close(now, outbox);
        self.events.push_back(CallEvent::LegEnded { stats: Box::new(leg.stats()) });
        if let Some(recording) = self.recording.take_if(|recording| recording.left() == id) {
            recording.leave(now);
        }
        for other in &mut self.legs {
            if matches!(other.sender.hears, Hears::Leg { from, .. } if from == id) {
                other.sender.set_hears(Hears::Nothing);
            }
        }
        Some(leg)
    }

    /// Makes an offer for a leg.
    pub fn create_offer(&mut self, id: LegId, direction: Direction) {
        let Some(index) = self.index_of(id) else { return };
        let offer = self.legs[index].create_offer(direction);
        self.events.push_back(offered(id, offer));
    }

    /// Makes an offer for a leg that restarts its ICE.
    pub fn restart_ice(&mut self, id: LegId, direction: Direction, now: Instant, outbox: &mut Outbox) {
        let Some(index) = self.index_of(id) else { return };
        let offer = self.legs[index].restart_ice(direction, now);
        self.events.push_back(offered(id, offer));
        self.after_control(index, now, outbox);
    }

    /// Takes a peer's offer, signalled from there.
    pub fn receive_offer(
        &mut self,
        id: LegId,
        description: &SessionDescription,
        signalled_from: Option<IpAddr>,
    ) {
        let Some(index) = self.index_of(id) else { return };
        if let Err(error) = self.legs[index].receive_offer(description, signalled_from) {
            self.events.push_back(refused(id, error));
        }
    }

    /// Answers a peer's offer.
    pub fn create_answer(&mut self, id: LegId, opposite: Option<LegId>, now: Instant, outbox: &mut Outbox) {
        let Some(index) = self.index_of(id) else { return };
        let opposite = opposite.and_then(|opposite| self.leg(opposite));
        let prefer = preferred_codec(&self.legs[index], opposite);
        let opus_fmtp = opus_wish(FarSide::of(opposite), &self.supplies.config);
        match self.legs[index].create_answer(prefer, opus_fmtp, now) {
            Ok(description) => {
                self.events.push_back(CallEvent::AnswerReady { leg: id, description: Box::new(description) });
                self.after_agreement(index, now, outbox);
            }
            // The offer was refused, which has been told.
            Err(DescriptionError::Negotiation(NegotiationError::NoOffer)) => {}
            Err(error) => {
                self.roll_back(id, now, outbox);
                self.events.push_back(refused(id, error));
            }
        }
    }

    /// Takes a peer's answer, signalled from there.
    pub fn receive_answer(
        &mut self,
        id: LegId,
        description: &SessionDescription,
        signalled_from: Option<IpAddr>,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let Some(index) = self.index_of(id) else { return };
        match self.legs[index].receive_answer(description, signalled_from, now) {
            Ok(()) => self.after_agreement(index, now, outbox),
            Err(error) => self.events.push_back(refused(id, error)),
        }
    }

    /// Takes candidates that came after a peer's description.
    pub fn add_candidates(
        &mut self,
        id: LegId,
        fragment: &CandidateFragment,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let Some(index) = self.index_of(id) else { return };
        let refused = self.legs[index].add_candidates(fragment, now).err();
        self.events.push_back(CallEvent::CandidatesTaken { leg: id, refused });
        self.after_control(index, now, outbox);
    }

    /// Forgets an offer of ours that the peer refused.
    pub fn roll_back(&mut self, id: LegId, now: Instant, outbox: &mut Outbox) {
        if let Some(index) = self.index_of(id) {
            self.legs[index].roll_back();
            self.after_control(index, now, outbox);
        }
    }

    /// Sets what a party hears.
    pub fn hear(&mut self, id: LegId, source: HearSource, now: Instant) {
        let Some(index) = self.index_of(id) else { return };
        self.legs[index].receiver.set_intake(None);
        let native = self.legs[index].codec().native_rate();
        let (player, playback) = match source {
            HearSource::Nothing => {
                self.legs[index].sender.set_hears(Hears::Nothing);
                return;
            }
            HearSource::Leg(from) => {
                self.legs[index].sender.set_hears(Hears::Leg { from, path: Path::Closed });
                self.open_paths(PathReason::Agreed);
                return;
            }
            HearSource::Prompts { prompts, is_looped, playback } => {
                (Player::prompts(&prompts, is_looped, native), playback)
            }
            HearSource::Tone { hz, level_dbm0 } => (Player::tone(hz, level_dbm0), PlaybackId::ENDLESS),
            HearSource::Silence => (Player::silence(), PlaybackId::ENDLESS),
        };
        let supplies = Arc::clone(&self.supplies);
        self.legs[index].sender.play(player, playback, &supplies.config.encoder, now);
    }

    /// Sends a digit to a party, held for `duration`; after those that wait, or not at all.
    pub fn send_digit(&mut self, id: LegId, digit: Digit, duration: Duration, now: Instant) {
        let Some(index) = self.index_of(id) else { return };
        let Some(digits) = self.legs[index].sender.digits_for(digit) else {
            self.events.push_back(CallEvent::DigitRefused { leg: id, digit, duration });
            return;
        };
        let queued = digits.push(digit, duration, now);
        self.note_overrun(index, queued);
    }

    /// Sends a digit to a party for as long as its key is down; after those that wait, or not at all.
    pub fn begin_digit(&mut self, id: LegId, digit: Digit, now: Instant) {
        let Some(index) = self.index_of(id) else { return };
        if let Some(digits) = self.legs[index].sender.digits_for(digit) {
            let queued = digits.begin(digit, now);
            self.note_overrun(index, queued);
        }
    }

    /// The key of the digit that was begun last went up, after `duration`.
    pub fn end_digit(&mut self, id: LegId, digit: Digit, duration: Duration) {
        let Some(index) = self.index_of(id) else { return };
        match self.legs[index].sender.digits_for(digit) {
            Some(digits) => digits.end(duration),
            None => self.events.push_back(CallEvent::DigitRefused { leg: id, digit, duration }),
        }
    }

    /// The figures of every leg.
    #[must_use]
    pub fn stats(&self) -> Vec<LegStats> {
        self.legs.iter().map(Leg::stats).collect()
    }

    /// Takes a datagram that came for a leg.
    pub fn handle_datagram(
        &mut self,
        id: LegId,
        datagram: &mut [u8],
        from: SocketAddr,
        local: SocketAddr,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let Some(index) = self.index_of(id) else { return };
        match self.legs[index].handle_datagram(datagram, from, local, now) {
            Deed::Voice(range) => {
                self.be_heard(index, &datagram[range], 0, now, outbox);
                self.drain(index, now, outbox);
            }
            Deed::Buffered(range) => self.judge(index, &datagram[range], now),
            Deed::Control => self.after_control(index, now, outbox),
            Deed::Keys(keys) => {
                self.events.extend(keys.into_iter().flatten().map(|key| told(id, key)));
                self.drain(index, now, outbox);
            }
            // A digit's packet, too, may have been the one that voice waited for.
            Deed::Done => self.drain(index, now, outbox),
        }
        self.look_after_audio(index, now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, outbox: &mut Outbox) {
        for index in 0..self.legs.len() {
            let leg = &mut self.legs[index];
            let id = leg.id();
            let tap = self.recording.as_mut().and_then(|recording| recording.tap_of(id));
            let lapsed = leg.handle_timeout(now, outbox, tap);
            self.events.extend(lapsed.key.map(|key| told(id, key)));
            let played = |playback| CallEvent::PlaybackFinished { leg: id, playback };
            self.events.extend(lapsed.played.map(played));
            self.after_control(index, now, outbox);
            self.drain(index, now, outbox);
            self.look_after_audio(index, now);
        }
        if self.audibility.poll_timeout().is_some_and(|at| at <= now) {
            self.events.extend(self.audibility.look(&self.legs, now));
        }
    }

    /// When something is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.legs.iter().filter_map(Leg::poll_timeout).chain(self.audibility.poll_timeout()).min()
    }

    /// Ends the call: every leg is closed and given back.
    pub fn end(&mut self, cause: EndCause, now: Instant, outbox: &mut Outbox) -> Vec<Leg> {
        for leg in &mut self.legs {
            leg.close(now, outbox);
            self.events.push_back(CallEvent::LegEnded { stats: Box::new(leg.stats()) });
        }
        if let Some(recording) = self.recording.take() {
            recording.leave(now);
        }
        self.span.in_scope(|| debug!(?cause, "call ended"));
        std::mem::take(&mut self.legs)
    }

    /// What is left of the legs when ending the call failed.
    pub(crate) fn take_legs(&mut self) -> Vec<Leg> {
        std::mem::take(&mut self.legs)
    }

    /// A digit for which there is no room is lost: by another way it would come before those that wait.
    fn note_overrun(&self, index: usize, queued: Result<(), QueueFull>) {
        if let Err(error) = queued {
            self.legs[index].span().in_scope(|| warn!(%error, "digit dropped"));
        }
    }

    pub(super) fn index_of(&self, id: LegId) -> Option<usize> {
        self.legs.iter().position(|leg| leg.id() == id)
    }

    /// What ICE and DTLS have to send and to tell.
    pub(super) fn after_control(&mut self, index: usize, now: Instant, outbox: &mut Outbox) {
        let leg = &mut self.legs[index];
        leg.flush(outbox);
        while let Some(event) = leg.poll_event(now) {
            match event {
                LegEvent::Tell(event) => self.events.push_back(event),
                LegEvent::Source(change) => self.sources.push_back((leg.id(), change)),
                LegEvent::Route(route) => self.routes.push_back((leg.id(), route)),
            }
        }
    }

    fn after_agreement(&mut self, index: usize, now: Instant, outbox: &mut Outbox) {
        let supplies = Arc::clone(&self.supplies);
        let leg = &mut self.legs[index];
        if let Some(event) = leg.agreed_event() {
            self.events.push_back(event);
        }
        if let (Some(agreement), Hears::Player(playback)) =
            (leg.sender.agreement().copied(), &mut leg.sender.hears)
        {
            playback.open(&agreement, &supplies.config.encoder);
        }
        self.open_conference(index, now);
        self.open_paths(PathReason::Agreed);
        self.after_control(index, now, outbox);
    }

    /// Tells which keys are heard in a party's voice, and what else is heard of it than before.
    fn look_after_audio(&mut self, index: usize, now: Instant) {
        let leg = &mut self.legs[index];
        let id = leg.id();
        while let Some(key) = leg.poll_tone_key() {
            self.events.push_back(told(id, key));
        }
        if let Some(event) = Audibility::look_at(&mut self.legs[index]) {
            self.events.push_back(event);
            self.events.extend(self.audibility.look(&self.legs, now));
        }
    }
}

/// A key was held no shorter and no longer than a key can be.
fn told(leg: LegId, key: DigitEvent) -> CallEvent {
    match key {
        DigitEvent::Pressed { digit } => CallEvent::DigitBegan { leg, digit },
        DigitEvent::Released { digit, duration } => {
            CallEvent::DigitPressed { leg, digit, duration: duration.clamp(DIGIT_MIN, DIGIT_MAX) }
        }
    }
}

fn offered(leg: LegId, offer: Result<SessionDescription, DescriptionError>) -> CallEvent {
    match offer {
        Ok(description) => CallEvent::OfferReady { leg, description: Box::new(description) },
        Err(error) => refused(leg, error),
    }
}

fn refused(leg: LegId, error: DescriptionError) -> CallEvent {
    CallEvent::DescriptionRefused { leg, error: Box::new(error) }
}
