//! One call of the B2BUA, as a plain struct: the caller, whom it reaches, and the plan that says so.
//!
//! Signalling and media are told by [`Effect`]s and tell by [`Input`]s; nothing here knows a socket,
//! a task or a clock. The call is over when every leg has ended ([`B2bua::is_over`]).

use std::collections::VecDeque;
use std::time::Instant;

use tracing::{Span, debug, info, warn};
use webtrunk_engine::call::{CallCommand, CallEvent, HearSource};
use webtrunk_engine::media::PlaybackId;
use webtrunk_engine::{EndCause, LegId};

use super::conference::Attendance;
use super::effect::{Directory, Effect, Input, Settings};
use super::meeting::Meeting;
use super::menu::{Asking, Missed};
use super::originating::Second;
use super::party::{Party, PartyState};
use super::recording::Recording;
use super::recording_policy::recording_of_incoming;
use super::redirect::Redirection;
use super::replace::Replacement;
use super::round::Round;
use super::transfer::Transfer;
use crate::adapter::{Command, Event, Incoming, Origin, Passage, Target};
use crate::routing::{Plan, Play, Step};

/// One call.
#[derive(Debug)]
pub struct B2bua {
    /// The call's span in the log; each party's is inside it.
    pub(super) span: Span,
    pub(super) settings: Settings,
    pub(super) caller: Party,
    /// How many more times the call may be passed on.
    pub(super) hops: u8,
    /// The one device that was dialled, where it was one.
    pub(super) device: Option<Target>,
    pub(super) callees: Vec<Party>,
    /// The callee that answered, or the one whose early media is heard.
    pub(super) partner: Option<LegId>,
    pub(super) steps: VecDeque<Step>,
    pub(super) doing: Doing,
    /// The most telling cause of the callees that failed so far.
    pub(super) failure: Option<EndCause>,
    /// The callees of the last bridge.
    pub(super) round: Round,
    /// The menu whose answer is awaited.
    pub(super) asking: Option<Asking>,
    pub(super) answered_at: Option<Instant>,
    pub(super) recording: Recording,
    /// The conference that the caller is in, or joins.
    pub(super) attendance: Option<Attendance>,
    /// Who is there beside the two that talk.
    pub(super) meeting: Option<Meeting>,
    pub(super) transfer: Option<Transfer>,
    pub(super) replacement: Option<Replacement>,
    pub(super) redirection: Redirection,
    /// Who is to be called when the first party has answered, in a call that the gateway makes by itself.
    pub(super) second: Option<Second>,
    /// At whose cost others are called, where it is not the caller's.
    pub(super) payer: Option<Origin>,
    /// What goes along with the call.
    pub(super) passed: Passage,
    /// Who was rung last, as the plan names it.
    pub(super) rang_last: Option<String>,
    /// How many times something was played.
    pub(super) played: u32,
    pub(super) effects: VecDeque<Effect>,
}

/// What the plan is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// The caller's answer to be made and sent.
    Answering,
    /// A moment.
    Waiting { until: Instant },
    /// A tone to end.
    Sounding { until: Instant },
    /// Prompts to end; or a digit, where that ends them.
    Playing { playback: PlaybackId, is_interruptible: bool },
    /// A key of the menu: while its prompts are heard, and then until a moment.
    Choosing { playback: PlaybackId, until: Option<Instant> },
    /// The conference to let the caller in.
    Joining,
    /// Nothing: the caller is in a conference until it hangs up.
    Meeting,
    /// Nothing: what runs, runs until somebody hangs up.
    Resting,
    /// Somebody to answer.
    Calling,
    /// The two parties talk.
    Talking,
    /// Everybody to be gone.
    Ending,
}

impl B2bua {
    /// Takes a call that came in and starts its plan.
    #[must_use]
    pub fn new(
        incoming: Incoming,
        adapter: &'static str,
        plan: Plan,
        settings: Settings,
        directory: &dyn Directory,
        now: Instant,
    ) -> Self {
        let state = PartyState::Waiting { has_offered: incoming.offer.is_some() };
        let span = Span::current();
        let who = (incoming.origin.clone(), incoming.caller.clone());
        let recording = recording_of_incoming(adapter, &incoming, directory);
        let caller = Party::new(incoming.leg, who, adapter, incoming.profile, state, &span);
        let caller = Party { recording, ..caller };
        let mut call = Self::with_caller(caller, &incoming, plan, settings, span);
        call.caller.keys = call.add_incoming(adapter, incoming, None, directory);
        call.next_step(directory, now);
        call
    }

    /// A call of this caller's, of which nothing was done.
    pub(super) fn with_caller(
        caller: Party,
        incoming: &Incoming,
        plan: Plan,
        settings: Settings,
        span: Span,
    ) -> Self {
        Self {
            span,
            settings,
            caller,
            hops: incoming.hops,
            device: incoming.device.clone(),
            callees: Vec::new(),
            partner: None,
            steps: plan.steps.into(),
            doing: Doing::Resting,
            failure: None,
            round: Round::default(),
            asking: None,
            answered_at: None,
            recording: Recording::default(),
            attendance: None,
            meeting: None,
            transfer: None,
            replacement: None,
            redirection: Redirection::default(),
            second: None,
            payer: None,
            passed: incoming.passed.clone(),
            rang_last: None,
            played: 0,
            effects: VecDeque::new(),
        }
    }

    /// Takes what happened.
    pub fn handle_input(&mut self, input: Input, directory: &dyn Directory, now: Instant) {
        match input {
            Input::Signal(event) => self.on_signal(event, directory, now),
            Input::Media(event) => self.on_media(event, directory, now),
            Input::Routed(decision) => {
                if !self.on_redirect_routed(&decision, directory, now)
                    && let Some(decision) = self.on_second_routed(decision, directory, now)
                {
                    self.on_transfer_routed(decision, directory, now);
                }
            }
            Input::Incoming { adapter, incoming } => self.on_replacing(adapter, *incoming, directory),
            Input::Supervisor { adapter, asked, of } => {
                self.on_supervising(adapter, *asked, of, directory);
            }
            Input::Control(control) => self.on_control(control, directory),
        }
        self.tell_candidates();
        self.follow_recording_policy();
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, directory: &dyn Directory, now: Instant) {
        if self.doing == Doing::Ending {
            return;
        }
        match self.doing {
            Doing::Waiting { until } if until <= now => self.next_step(directory, now),
            Doing::Sounding { until } if until <= now => {
                self.hear(self.caller.leg, HearSource::Nothing);
                self.next_step(directory, now);
            }
            Doing::Choosing { until: Some(until), .. } if until <= now => {
                self.ask_again(Missed::NoKey, directory, now);
            }
            _ => {}
        }
        self.give_up_silent(directory, now);
        self.pass_kept_keys(now);
        self.retry_restarts(now);
        self.retry_telling(now);
        if self.farewell_at().is_some_and(|at| at <= now) {
            info!("a party closed its media and said no more");
            return self.hang_up(EndCause::SignallingLost);
        }
        if self.ends_at().is_some_and(|at| at <= now) {
            info!("the call is as long as a call may be");
            self.hang_up(EndCause::TimeLimit);
        }
    }

    /// When something is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let waiting = match self.doing {
            Doing::Waiting { until } | Doing::Sounding { until } => Some(until),
            Doing::Choosing { until, .. } => until,
            _ => self.silent_until(),
        };
        let due =
            [waiting, self.farewell_at(), self.kept_keys_until(), self.restart_due_at(), self.ends_at()];
        due.into_iter().flatten().min()
    }

    /// What is to be done; call until `None`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        let effect = self.effects.pop_front();
        if effect.is_none() {
            // They come in bursts, and a call rings or talks for long.
            self.effects = VecDeque::new();
        }
        effect
    }

    /// Whether every leg has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.callees.is_empty() && matches!(self.caller.state, PartyState::Gone)
    }

    fn on_signal(&mut self, event: Event, directory: &dyn Directory, now: Instant) {
        let span = self.span_of(event.leg());
        let _entered = span.enter();
        match event {
            // The call began with it; one that wants a place in it is no mere signal; messages out of calls come to no
            // call; codes are for records; and figures are the engine's.
            Event::Incoming(_)
            | Event::Supervising(_)
            | Event::Refused(_)
            | Event::Texted(_)
            | Event::TextSent { .. }
            | Event::EndTold { .. }
            | Event::FiguresAsked { .. } => {}
            Event::ContentTold { leg, id, content } => self.on_content_told(leg, id, content, directory),
            Event::ContentAnswered { id, delivery, .. } => self.on_content_answered(id, delivery),
            Event::Progress { leg, is_ringing, description, signalled_from } => {
                self.on_progress(leg, is_ringing, description, signalled_from)
            }
            Event::Answered { leg, description, signalled_from } => {
                self.on_answered(leg, description, signalled_from, directory, now)
            }
            Event::Acknowledged { leg, description } => {
                self.on_acknowledged(leg, description, directory, now)
            }
            Event::Reoffered { leg, offer, signalled_from } => self.on_reoffered(leg, offer, signalled_from),
            Event::ReofferAnswered { leg, description } => self.on_restart_answered(leg, description),
            Event::ReofferRefused { leg, cause } => self.on_restart_refused(leg, cause, now),
            Event::DigitPressed { leg, digit, duration } => {
                self.on_signalled_key(leg, digit, duration, directory, now);
            }
            Event::CandidatesTold { leg, fragment } => {
                self.media(CallCommand::AddCandidates { leg, fragment });
            }
            Event::RecordAsked { leg, wish } => self.on_record_asked(leg, wish),
            Event::RecordingBound { leg, policy } => self.on_recording_bound(leg, policy),
            Event::MuteAsked { leg, is_muted } => self.on_mute_asked(leg, is_muted),
            Event::MergeAsked { leg, with, peer } => self.on_merge_asked(leg, with, peer, directory),
            Event::AwayTold { leg, is_away } => self.on_away(leg, is_away, now),
            Event::ModeAsked { leg, mode } => self.on_mode_asked(leg, mode),
            Event::TransferAsked { leg, destination, replaces } => {
                self.on_transfer_asked(leg, destination, replaces, directory)
            }
            Event::Redirected { leg, places } => self.on_redirected(leg, places, directory),
            Event::Ended { leg, cause } => self.on_ended(leg, cause, directory, now),
        }
    }

    fn on_media(&mut self, event: CallEvent, directory: &dyn Directory, now: Instant) {
        let span = event.leg().map_or_else(|| self.span.clone(), |leg| self.span_of(leg));
        let _entered = span.enter();
        match event {
            CallEvent::OfferReady { leg, description } => self.on_offer_ready(leg, description, now),
            CallEvent::AnswerReady { leg, description } => {
                self.on_answer_ready(leg, description, directory, now)
            }
            CallEvent::DescriptionRefused { leg, error } => {
                warn!(%error, "description refused");
                self.on_description_refused(leg, directory, now);
            }
            CallEvent::CandidatesTaken { leg, refused } => self.answer_candidates(leg, refused),
            CallEvent::CandidatesFound { leg, fragment } => self.on_candidates_found(leg, fragment),
            CallEvent::Agreed { leg, direction, takes_digits, codec } => {
                info!(codec = codec.encoding_name(), ?direction, "agreed");
                self.on_agreed(leg, direction, takes_digits, now);
            }
            // The engine logs what is heard, and what was; a call goes on whatever it is.
            CallEvent::LegConnected { .. } | CallEvent::LegEnded { .. } => {}
            CallEvent::OneWayAudio { unheard } => self.tell_one_way(unheard),
            CallEvent::AudioChanged { leg, now: heard, .. } => self.on_audio_changed(leg, heard),
            CallEvent::LegSilent { leg } => self.on_silence(leg, now),
            CallEvent::LegClosed { leg } => self.on_media_closed(leg, now),
            CallEvent::LegFailed { leg, cause, .. } => self.on_leg_failed(leg, cause, directory, now),
            CallEvent::DigitBegan { leg, digit } => self.on_key_down(leg, digit, directory, now),
            CallEvent::DigitPressed { leg, digit, duration } => self.on_key_up(leg, digit, duration, now),
            CallEvent::DigitRefused { leg, digit, duration } => {
                self.send_info_digit(leg, digit.to_char(), duration)
            }
            // A digit may have ended it meanwhile, and something else is played.
            CallEvent::PlaybackFinished { playback, .. } => match self.doing {
                Doing::Playing { playback: awaited, .. } if awaited == playback => {
                    self.next_step(directory, now);
                }
                Doing::Choosing { playback: awaited, .. } if awaited == playback => {
                    self.await_choice(playback, now);
                }
                _ => {}
            },
            // The engine's log tells of recordings; no step waits for one.
            CallEvent::RecordingStarted { .. } | CallEvent::RecordingMarked { .. } => {}
            CallEvent::RecordingStopped { end, .. } => self.on_recording_stopped(&end),
            CallEvent::ConferenceJoined { parties, .. } => {
                info!(parties, "joined the conference");
                if self.doing == Doing::Joining {
                    self.doing = Doing::Meeting;
                }
            }
            CallEvent::ConferenceRefused { .. } => {
                info!("the conference is full");
                if self.doing == Doing::Joining {
                    self.note_failure(EndCause::Busy);
                    self.next_step(directory, now);
                }
            }
            CallEvent::PartyJoined { party, parties, .. } => info!(%party, parties, "party joined"),
            CallEvent::PartyLeft { party, parties, .. } => info!(%party, parties, "party left"),
            CallEvent::PartyChanged { party, gain_db, is_muted, .. } => {
                info!(%party, gain_db, is_muted, "party changed");
            }
            CallEvent::TalkingChanged { leg, is_talking } => debug!(%leg, is_talking, "talking changed"),
            CallEvent::SpeakerChanged { leg, speaker, name } => {
                debug!(?speaker, "speaker changed");
                if speaker == Some(leg) {
                    info!("active speaker");
                }
                self.tell_speaker(leg, name.as_deref(), speaker == Some(leg));
            }
            CallEvent::Ended { cause } => self.hang_up(cause),
        }
    }

    /// Runs the plan on; after its last step the call is hung up.
    pub(super) fn next_step(&mut self, directory: &dyn Directory, now: Instant) {
        let leg = self.caller.leg;
        // The plan goes on with one who talks with nobody: whoever held it is gone.
        self.tell_hold(leg);
        if self.follow_redirect() {
            return;
        }
        let Some(step) = self.steps.pop_front() else { return self.end_plan() };
        match step {
            Step::Answer if self.caller.is_talking() => self.next_step(directory, now),
            Step::Answer => {
                self.doing = Doing::Answering;
                self.answer_caller(now);
            }
            Step::Wait(time) => self.doing = Doing::Waiting { until: now + time },
            Step::Play(play) => self.play(&play, directory, now),
            Step::Record(record) => {
                self.plan_recording(record);
                self.next_step(directory, now);
            }
            Step::StopRecording => {
                self.stop_recording();
                self.next_step(directory, now);
            }
            Step::Echo => {
                self.doing = Doing::Resting;
                self.hear(leg, HearSource::Leg(leg));
            }
            Step::Tone(tone) => {
                self.doing =
                    tone.duration.map_or(Doing::Resting, |time| Doing::Sounding { until: now + time });
                let (hz, level_dbm0) = (tone.frequency_hz.into(), tone.level_dbm0.into());
                self.hear(leg, HearSource::Tone { hz, level_dbm0 });
            }
            Step::Menu(menu) => self.ask(menu, directory, now),
            Step::Bridge(bridge) if !self.is_next(&bridge) => self.next_step(directory, now),
            Step::Bridge(bridge) => {
                self.doing = Doing::Calling;
                self.call_all(&bridge, directory, now);
            }
            Step::Conference(conference) => {
                self.doing = Doing::Joining;
                self.join_conference(conference);
            }
            Step::Reject(cause) => self.hang_up(cause),
            Step::Hangup => self.hang_up(EndCause::Hangup),
        }
    }

    fn play(&mut self, play: &Play, directory: &dyn Directory, now: Instant) {
        let prompts: Option<Vec<_>> = play.prompts.iter().map(|name| directory.prompt(name)).collect();
        let Some(prompts) = prompts else {
            warn!(prompts = ?play.prompts, "there is no such prompt: the step is passed over");
            return self.next_step(directory, now);
        };
        let &Play { is_repeated, is_interruptible, .. } = play;
        let ends = is_interruptible || !is_repeated;
        self.played += 1;
        let playback = PlaybackId(self.played);
        self.doing = if ends { Doing::Playing { playback, is_interruptible } } else { Doing::Resting };
        self.hear(self.caller.leg, HearSource::Prompts { prompts, is_looped: is_repeated, playback });
    }

    pub(super) fn media(&mut self, command: CallCommand) {
        self.effects.push_back(Effect::Media(command));
    }

    pub(super) fn hear(&mut self, leg: LegId, source: HearSource) {
        self.media(CallCommand::Hear { leg, source });
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    pub(super) fn signal_caller(&mut self, command: Command) {
        let effect = self.caller.signal(command);
        self.effects.push_back(effect);
    }

    pub(super) fn party(&self, leg: LegId) -> Option<&Party> {
        self.parties().find(|party| party.leg == leg)
    }

    pub(super) fn party_mut(&mut self, leg: LegId) -> Option<&mut Party> {
        std::iter::once(&mut self.caller).chain(&mut self.callees).find(|party| party.leg == leg)
    }

    pub(super) fn parties(&self) -> impl Iterator<Item = &Party> {
        std::iter::once(&self.caller).chain(&self.callees)
    }

    fn span_of(&self, leg: LegId) -> Span {
        self.party(leg).map_or_else(|| self.span.clone(), |party| party.span.clone())
    }

    /// The party at the other end, once there is one.
    pub(super) fn opposite(&self, leg: LegId) -> Option<&Party> {
        let partner = self.partner?;
        let opposite = if leg == self.caller.leg { partner } else { self.caller.leg };
        self.party(opposite)
    }

    fn ends_at(&self) -> Option<Instant> {
        self.answered_at.filter(|_| self.doing != Doing::Ending).map(|at| at + self.settings.duration_max)
    }
}
