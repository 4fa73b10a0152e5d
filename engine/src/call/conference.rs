//! A conference: parties of any calls of one shard, who hear each other by the clock.
//!
//! ```text
//! every 20 ms, for each party:  jitter buffer -> decode -> its place in the mixer
//!                               the mix without it -> encode -> its output stream
//! ```
//!
//! Calls are lent to it for a moment at a time ([`Calls`]); it holds only the names of its parties, and
//! notices by itself who is gone. It begins with its first party and is over with its last.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::debug;
use webtrunk_codecs::SampleRate;

use super::events::CallEvent;
use super::party::{ConferenceRole, PartySpec};
use super::state::Call;
use crate::media::mixer::{Mixer, MixerEvent, Role, SlotId, TICK_MS};
use crate::net::Outbox;
use crate::{CallId, LegId};

/// From one frame to the next.
pub const TICK: Duration = Duration::from_millis(TICK_MS as u64);

/// Longest frame: 20 ms at 48 kHz.
const FRAME_MAX: usize = 960;

/// A conference is at most this late before frames are left out, not made in a burst.
const LATENESS_MAX: Duration = Duration::from_millis(100);

/// Where a conference finds the calls of its parties.
pub trait Calls {
    /// Lends a call for a moment; `None` when it is gone.
    fn with_call<T>(&mut self, id: CallId, act: impl FnOnce(&mut Call, &mut Outbox) -> T) -> Option<T>;
}

/// What a party has to say in a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// A frame, at this rate.
    Frame(SampleRate),
    /// Nothing yet: no codec is agreed on.
    Nothing,
    /// The party is in this conference no more.
    Gone,
}

/// As many parties as may be are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the conference has as many parties as it may have")]
pub struct ConferenceFull;

/// A conference.
pub struct Conference {
    room: Arc<str>,
    parties: Vec<Party>,
    parties_max: usize,
    mixer: Mixer,
    next_tick_at: Instant,
    /// Whoever whispers may have to be told anew to whom.
    are_roles_stale: bool,
    news: VecDeque<News>,
    frame: Box<[i16; FRAME_MAX]>,
}

struct Party {
    call: CallId,
    spec: PartySpec,
    /// Its place in the mixer and the rate of its frames, once it has a codec.
    seat: Option<(SlotId, SampleRate)>,
    is_gone: bool,
}

/// Something that every party's call is told.
#[derive(Debug, Clone, Copy)]
enum News {
    Joined(LegId),
    Left(LegId),
    /// With whether others may know of it.
    Changed {
        party: LegId,
        gain_db: f32,
        is_muted: bool,
        is_known: bool,
    },
    Speaker(Option<LegId>),
}

impl Conference {
    /// A conference in `room` of at most `parties_max`, whose first tick is at `first_tick_at`.
    #[must_use]
    pub fn new(room: Arc<str>, parties_max: usize, first_tick_at: Instant) -> Self {
        Self {
            room,
            parties: Vec::new(),
            parties_max,
            mixer: Mixer::new(parties_max),
            next_tick_at: first_tick_at,
            are_roles_stale: false,
            news: VecDeque::with_capacity(4),
            frame: Box::new([0; FRAME_MAX]),
        }
    }

    /// Its name.
    #[must_use]
    pub fn room(&self) -> &Arc<str> {
        &self.room
    }

    /// Whether nobody is there any more.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parties.is_empty()
    }

    /// The calls that have a party in it, some perhaps more than once.
    pub fn calls(&self) -> impl Iterator<Item = CallId> {
        self.parties.iter().map(|party| party.call)
    }

    /// When the next tick is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        self.next_tick_at
    }

    /// When the frames were due that are made at `now`: several after a delay, one where it was so long that the others
    /// are left out.
    pub fn ticks_due(&self, now: Instant) -> impl Iterator<Item = Instant> + use<> {
        let late = now.saturating_duration_since(self.next_tick_at);
        let made = if late > LATENESS_MAX { 1 } else { late.as_micros() / TICK.as_micros() + 1 };
        let first = self.next_tick_at;
        (0..made as u32).map(move |tick| first + TICK * tick)
    }

    /// Lets a party of a call in; it is heard from the next tick on. Everyone who may know is told.
    ///
    /// # Errors
    /// [`ConferenceFull`].
    pub fn join(
        &mut self,
        call: CallId,
        spec: PartySpec,
        now: Instant,
        calls: &mut impl Calls,
    ) -> Result<(), ConferenceFull> {
        let leg = spec.leg;
        // Who is there already takes nobody's place, nor does who has gone and is not missed before the next tick.
        let others = self.parties.iter().filter(|party| party.spec.leg != leg);
        let attends = |party: &&Party| {
            calls.with_call(party.call, |call, _| call.is_in_conference(party.spec.leg)) == Some(true)
        };
        if others.filter(attends).count() >= self.parties_max {
            return Err(ConferenceFull);
        }
        if calls.with_call(call, |call, _| call.enter_conference(leg, now)) != Some(true) {
            return Ok(());
        }
        // Asked to join again, a party stays, as what it is now.
        self.parties.iter_mut().filter(|party| party.spec.leg == leg).for_each(|party| party.is_gone = true);
        self.remove_gone();
        let is_known = spec.role.is_known();
        self.parties.push(Party { call, spec, seat: None, is_gone: false });
        let joined = CallEvent::ConferenceJoined { leg, parties: self.known_parties() };
        calls.with_call(call, |call, _| call.tell(joined));
        if is_known {
            self.news.push_back(News::Joined(leg));
        }
        self.tell_news(calls);
        Ok(())
    }

    /// Makes a party what this says from the next tick on; everyone who may know is told. Who is not there stays away.
    pub fn change(&mut self, spec: PartySpec, calls: &mut impl Calls) {
        let Self { parties, mixer, news, are_roles_stale, .. } = self;
        let Some(party) = parties.iter_mut().find(|party| party.spec.leg == spec.leg) else { return };
        let PartySpec { leg, gain_db, is_muted, .. } = spec;
        let (was_known, is_known) = (party.spec.role.is_known(), spec.role.is_known());
        party.spec = spec;
        if let Some((slot, _)) = party.seat {
            mixer.set_gain(slot, factor(gain_db));
            mixer.set_muted(slot, is_muted);
        }
        *are_roles_stale = true;
        match (was_known, is_known) {
            (false, true) => news.push_back(News::Joined(leg)),
            (true, false) => news.push_back(News::Left(leg)),
            (true, true) | (false, false) => {}
        }
        news.push_back(News::Changed { party: leg, gain_db, is_muted, is_known });
        self.tell_news(calls);
    }

    /// Does what is due. Frames that would be too late are left out, and their time passes.
    pub fn handle_timeout(&mut self, now: Instant, calls: &mut impl Calls) {
        let late = now.saturating_duration_since(self.next_tick_at);
        if late > LATENESS_MAX {
            // By whole ticks, or what a stall held up would all be due in one moment from then on.
            self.next_tick_at += TICK * (late.as_micros() / TICK.as_micros()) as u32;
            for party in &self.parties {
                calls.with_call(party.call, |call, _| call.skip_mix(party.spec.leg));
            }
        }
        while self.next_tick_at <= now {
            self.tick(self.next_tick_at, calls);
            self.next_tick_at += TICK;
        }
    }

    /// A frame of every party, the mix, and to every party its own.
    fn tick(&mut self, now: Instant, calls: &mut impl Calls) {
        for index in 0..self.parties.len() {
            let Party { call, spec: PartySpec { leg, .. }, .. } = self.parties[index];
            let frame = &mut self.frame[..];
            let spoken = calls.with_call(call, |call, _| call.speak(leg, now, frame));
            match spoken.unwrap_or(Spoken::Gone) {
                Spoken::Frame(rate) => self.bring_frame(index, rate),
                Spoken::Nothing => {}
                Spoken::Gone => self.parties[index].is_gone = true,
            }
        }
        self.remove_gone();
        self.assign_roles();
        self.mixer.tick(now);
        for party in &self.parties {
            let Some((slot, _)) = party.seat else { continue };
            let (leg, mix) = (party.spec.leg, self.mixer.output(slot));
            calls.with_call(party.call, |call, outbox| call.hear_mix(leg, mix, now, outbox));
        }
        while let Some(event) = self.mixer.poll_event() {
            match event {
                MixerEvent::TalkingStarted { slot, .. } => self.tell_talking(slot, true, calls),
                MixerEvent::TalkingStopped { slot, .. } => self.tell_talking(slot, false, calls),
                MixerEvent::SpeakerChanged { speaker, .. } => {
                    self.news.push_back(News::Speaker(speaker.and_then(|slot| self.leg_in(slot))));
                }
            }
        }
        self.tell_news(calls);
    }

    /// Hands a party's frame to the mixer, at a new place where the party has none or another rate now.
    fn bring_frame(&mut self, index: usize, rate: SampleRate) {
        let party = &mut self.parties[index];
        if party.seat.is_none_or(|(_, seated)| seated != rate) {
            if let Some((slot, _)) = party.seat.take() {
                self.mixer.leave(slot);
            }
            // All places may be taken until the next tick, by this party itself.
            let Ok(slot) = self.mixer.join(rate, party.spec.role.at_first()) else { return };
            self.mixer.set_gain(slot, factor(party.spec.gain_db));
            self.mixer.set_muted(slot, party.spec.is_muted);
            party.seat = Some((slot, rate));
            self.are_roles_stale = true;
        }
        if let Some(input) = party.seat.and_then(|(slot, _)| self.mixer.input(slot)) {
            input.copy_from_slice(&self.frame[..input.len()]);
        }
    }

    fn remove_gone(&mut self) {
        let Self { parties, mixer, news, are_roles_stale, .. } = self;
        parties.retain(|party| {
            if party.is_gone {
                if let Some((slot, _)) = party.seat {
                    mixer.leave(slot);
                }
                if party.spec.role.is_known() {
                    news.push_back(News::Left(party.spec.leg));
                }
                *are_roles_stale = true;
            }
            !party.is_gone
        });
    }

    /// Everyone is what it is said to be; whoever whispers is heard by the one named, as soon and as long as that one is
    /// there.
    fn assign_roles(&mut self) {
        if !std::mem::take(&mut self.are_roles_stale) {
            return;
        }
        for party in &self.parties {
            let Some((slot, _)) = party.seat else { continue };
            let role = match &party.spec.role {
                ConferenceRole::Whisper { to } => {
                    let named = |other: &&Party| other.spec.name == *to && other.spec.leg != party.spec.leg;
                    let target = self.parties.iter().find(named).and_then(|target| target.seat);
                    target.map_or(Role::Listen, |(to, _)| Role::Whisper { to })
                }
                role => role.at_first(),
            };
            self.mixer.set_role(slot, role);
        }
    }

    /// Tells every party's call what is new, except of itself.
    fn tell_news(&mut self, calls: &mut impl Calls) {
        while let Some(news) = self.news.pop_front() {
            debug!(room = %self.room, ?news, "conference");
            let parties = self.known_parties();
            for listener in &self.parties {
                let leg = listener.spec.leg;
                let event = match news {
                    News::Joined(party) if party == leg => continue,
                    News::Joined(party) => CallEvent::PartyJoined { leg, party, parties },
                    News::Left(party) if party == leg => continue,
                    News::Left(party) => CallEvent::PartyLeft { leg, party, parties },
                    News::Changed { party, is_known: false, .. } if party != leg => continue,
                    News::Changed { party, gain_db, is_muted, .. } => {
                        CallEvent::PartyChanged { leg, party, gain_db, is_muted }
                    }
                    News::Speaker(speaker) => {
                        let named = self.parties.iter().find(|party| Some(party.spec.leg) == speaker);
                        let name = named.map(|party| Arc::clone(&party.spec.name));
                        CallEvent::SpeakerChanged { leg, speaker, name }
                    }
                };
                calls.with_call(listener.call, |call, _| call.tell(event));
            }
        }
    }

    /// Tells a party's own call: that of every other would be told of all of them all the time.
    fn tell_talking(&self, slot: SlotId, is_talking: bool, calls: &mut impl Calls) {
        let Some(party) = self.party_in(slot) else { return };
        let event = CallEvent::TalkingChanged { leg: party.spec.leg, is_talking };
        calls.with_call(party.call, |call, _| call.tell(event));
    }

    fn known_parties(&self) -> usize {
        self.parties.iter().filter(|party| party.spec.role.is_known()).count()
    }

    fn leg_in(&self, slot: SlotId) -> Option<LegId> {
        self.party_in(slot).map(|party| party.spec.leg)
    }

    fn party_in(&self, slot: SlotId) -> Option<&Party> {
        self.parties.iter().find(|party| party.seat.is_some_and(|(seat, _)| seat == slot))
    }
}

/// How many times louder a party is made.
fn factor(gain_db: f32) -> f32 {
    10_f32.powf(gain_db / 20.0)
}
