//! Keys that parties press: for the gateway where the plan says so, else for the party at the other end.

use std::time::{Duration, Instant};

use tracing::info;
use webtrunk_codecs::tone::Digit;
use webtrunk_engine::LegId;
use webtrunk_engine::call::{CallCommand, HearSource, KeyMode};

use super::call::{B2bua, Doing};
use super::effect::{DigitMode, Directory};
use super::key_reader::Press;
use super::party::Party;
use crate::adapter::{Command, MediaProfile};
use crate::routing::{Feature, FeatureKeys};

impl B2bua {
    /// A key came in signalling, when it was up again.
    pub(super) fn on_signalled_key(
        &mut self,
        leg: LegId,
        digit: char,
        duration: Duration,
        directory: &dyn Directory,
        now: Instant,
    ) {
        let Some(key) = Digit::parse(digit) else { return };
        if !self.interrupts(leg) && self.is_kept(leg, key) {
            self.release(leg, key, duration, now);
            return;
        }
        self.on_digit(leg, key, duration);
        self.interrupt(leg, key, directory, now);
    }

    /// In media a digit is sent from the moment in which its key goes down, so that it comes no later than it
    /// was pressed; INFO has to tell how long it was held.
    pub(super) fn on_key_down(&mut self, from: LegId, key: Digit, directory: &dyn Directory, now: Instant) {
        if !self.interrupts(from) && self.is_kept(from, key) {
            return;
        }
        if !self.voice_carries_keys(from) {
            let to = self.opposite(from).filter(|to| self.takes_digits_in_media(to)).map(|to| to.leg);
            if let Some(party) = self.party_mut(from) {
                party.holds_key_for = to;
            }
            if let Some(leg) = to {
                self.media(CallCommand::BeginDigit { leg, digit: key });
            }
        }
        self.interrupt(from, key, directory, now);
    }

    /// A key that was down went up.
    pub(super) fn on_key_up(&mut self, from: LegId, key: Digit, duration: Duration, now: Instant) {
        if self.release(from, key, duration, now) {
            return;
        }
        match self.party_mut(from).and_then(|party| party.holds_key_for.take()) {
            Some(leg) => {
                info!("digit pressed");
                self.media(CallCommand::EndDigit { leg, digit: key, duration });
            }
            None if self.voice_carries_keys(from) => info!("digit pressed"),
            None => self.on_digit(from, key, duration),
        }
    }

    /// Keys that were kept back, and behind which none came, go to the other party after all.
    pub(super) fn pass_kept_keys(&mut self, now: Instant) {
        let parties = std::iter::once(&mut self.caller).chain(&mut self.callees);
        let passed: Vec<_> = parties.map(|party| (party.leg, party.key_reader.handle_timeout(now))).collect();
        for (leg, keys) in passed {
            keys.into_iter().for_each(|(key, held)| self.pass_late(leg, key, held));
        }
    }

    /// When keys that are kept back are to be passed on.
    pub(super) fn kept_keys_until(&self) -> Option<Instant> {
        let parties = std::iter::once(&self.caller).chain(&self.callees);
        let parties = parties.filter(|_| self.doing != Doing::Ending);
        parties.filter_map(|party| party.key_reader.poll_timeout()).min()
    }

    /// Sends a digit in signalling.
    pub(super) fn send_info_digit(&mut self, leg: LegId, digit: char, duration: Duration) {
        let Some(party) = self.party(leg) else { return };
        if party.is_talking() {
            let effect = party.signal(Command::SendDigit { leg, digit, duration });
            self.effect(effect);
        }
    }

    /// Whether a key that went down is kept back, since it is, or may be, for the gateway. A sequence that is whole
    /// does what it stands for.
    fn is_kept(&mut self, leg: LegId, key: Digit) -> bool {
        let plan = self.feature_keys(leg);
        let Some(party) = self.party_mut(leg) else { return false };
        if plan.is_empty() && party.key_reader.poll_timeout().is_none() {
            return false;
        }
        let (late, press) = party.key_reader.press(key, &plan);
        late.into_iter().for_each(|(key, held)| self.pass_late(leg, key, held));
        match press {
            Press::Kept => true,
            Press::Passed => false,
            Press::Whole(feature) => {
                self.on_feature(feature);
                true
            }
        }
    }

    fn release(&mut self, leg: LegId, key: Digit, held: Duration, now: Instant) -> bool {
        self.party_mut(leg).is_some_and(|party| party.key_reader.release(key, held, now))
    }

    /// The sequences that are for the gateway when this party presses them.
    fn feature_keys(&self, leg: LegId) -> Vec<FeatureKeys> {
        let keys = self.recording_keys(leg).into_iter().chain(self.party_keys(leg));
        keys.filter(|keys| !keys.is_empty()).cloned().collect()
    }

    fn on_feature(&mut self, feature: Feature) {
        match feature {
            Feature::Recording(feature) => self.on_recording_keys(feature),
            Feature::Party(feature) => self.on_party_keys(feature),
        }
    }

    /// Where the voice carries keys, these have gone with it.
    fn pass_late(&mut self, from: LegId, key: Digit, held: Duration) {
        if self.voice_carries_keys(from) {
            return info!("digit pressed");
        }
        self.on_digit(from, key, held);
    }

    /// A key that one party pressed goes to the other, in the way that it takes keys.
    fn on_digit(&mut self, from: LegId, digit: Digit, duration: Duration) {
        // Which key it was stays out of the log: people key in PINs.
        info!("digit pressed");
        let Some(to) = self.opposite(from) else { return };
        let leg = to.leg;
        if self.takes_digits_in_media(to) {
            return self.media(CallCommand::SendDigit { leg, digit, duration });
        }
        self.send_info_digit(leg, digit.to_char(), duration);
    }

    /// Whether a key of this party's ends what is played to it, or answers a menu: then it does nothing else.
    fn interrupts(&self, leg: LegId) -> bool {
        let takes_keys = match self.doing {
            Doing::Playing { is_interruptible, .. } => is_interruptible,
            Doing::Choosing { .. } => true,
            _ => false,
        };
        leg == self.caller.leg && takes_keys
    }

    /// A key of the caller's ends what is played to it, where that is so planned, or answers a menu.
    fn interrupt(&mut self, leg: LegId, key: Digit, directory: &dyn Directory, now: Instant) {
        if !self.interrupts(leg) {
            return;
        }
        if matches!(self.doing, Doing::Choosing { .. }) {
            self.choose(key, directory, now);
        } else {
            info!("a digit ends the prompt");
            self.hear(leg, HearSource::Nothing);
            self.next_step(directory, now);
        }
    }

    /// Whether both sides have keys as tones: then they go with the voice, and saying them again would double
    /// them.
    fn voice_carries_keys(&self, from: LegId) -> bool {
        let has_tones = |party: &Party| party.keys == KeyMode::Tones;
        self.party(from).is_some_and(has_tones) && self.opposite(from).is_some_and(has_tones)
    }

    fn takes_digits_in_media(&self, party: &Party) -> bool {
        let may = match party.profile {
            MediaProfile::Webrtc => self.settings.browser_digits == DigitMode::TelephoneEvent,
            MediaProfile::Rtp => true,
        };
        may && party.takes_digits
    }
}
