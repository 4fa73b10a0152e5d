//! Watches whether a direction of a call can be heard, and tells what is wrong when it cannot.
//!
//! ```text
//!             first RTP                    speech
//!  Waiting ---------------> Silent <------------------> Speech
//!     |                      ^  |     10 s without        |
//!     |          voice packet|  | 10 s of comfort noise   |
//!     |                      |  v                         |
//!     |                   ComfortNoise <------------------+
//!     |                      |  ^
//!     | 5 s          no RTP  |  | comfort noise
//!     v                3 s   v  |
//!   NoRtp <------------- (any of them) ---- RTP ----> Silent
//! ```
//!
//! | state | nothing | comfort noise | voice packet | speech |
//! |---|---|---|---|---|
//! | `Waiting` | `NoRtp` after 5 s | `ComfortNoise` | `Silent` | `Speech` |
//! | `NoRtp` | - | `ComfortNoise` | `Silent` | `Speech` |
//! | `Speech` | `NoRtp` after 3 s | `ComfortNoise` 10 s after the last voice packet | `Silent` 10 s after the last speech | - |
//! | `Silent` | `NoRtp` after 3 s | `ComfortNoise` 10 s after the last voice packet | - | `Speech` |
//! | `ComfortNoise` | `NoRtp` after the pause it may make | - | `Silent` | `Speech` |
//!
//! A direction in which nothing should come is not watched. Of one in which something may come, from who holds, it is told
//! whether anything does: `NoRtp` follows after 1 s without, and speech is not missed.

use std::time::{Duration, Instant};

/// When something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioWatchConfig {
    /// After an answer the first packet comes within a second or two; then it is worth a look.
    pub first_rtp_within: Duration,
    /// Packets come every 20 ms, of comfort noise every few hundred: longer is a broken way.
    pub rtp_within: Duration,
    /// Where silence is suppressed, nothing at all may come for longer.
    pub rtp_within_pause: Duration,
    /// Who holds sends sound of its own from the begin, or none: in shorter gaps a network only stumbles, and in longer ones
    /// whoever is held takes the line for dead.
    pub rtp_within_hold: Duration,
    /// People pause; a microphone that is open is heard by its noise, but speech comes back by then.
    pub speech_within: Duration,
}

/// What should come from a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing: it may not send, or there is no way yet.
    Nothing,
    /// What there is: who holds may send sound of its own.
    Perhaps,
    /// Voice.
    Voice,
}

/// What is heard of a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioState {
    /// Nothing has come yet.
    Waiting,
    /// Speech.
    Speech,
    /// Packets of voice in which nobody speaks: muted, or a dead microphone.
    Silent,
    /// Only descriptions of silence come.
    ComfortNoise,
    /// No packets come.
    NoRtp,
}

/// A change that is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioEvent {
    /// What was heard.
    pub before: AudioState,
    /// What is heard now.
    pub now: AudioState,
    /// For how long what is missing has been missing.
    pub since: Instant,
}

/// Watches one direction.
#[derive(Debug, Clone)]
pub struct AudioWatch {
    config: AudioWatchConfig,
    state: AudioState,
    expected: Expectation,
    began: Instant,
    last_rtp: Instant,
    last_voice: Instant,
    last_speech: Instant,
    event: Option<AudioEvent>,
}

impl Default for AudioWatchConfig {
    fn default() -> Self {
        Self {
            first_rtp_within: Duration::from_secs(5),
            rtp_within: Duration::from_secs(3),
            rtp_within_pause: Duration::from_secs(15),
            rtp_within_hold: Duration::from_secs(1),
            speech_within: Duration::from_secs(10),
        }
    }
}

impl AudioWatch {
    /// A watch of a direction in which voice should come from `now` on.
    #[must_use]
    pub fn new(config: AudioWatchConfig, now: Instant) -> Self {
        Self {
            config,
            state: AudioState::Waiting,
            expected: Expectation::Voice,
            began: now,
            last_rtp: now,
            last_voice: now,
            last_speech: now,
            event: None,
        }
    }

    /// What should come. Where that is something else than before, it is waited for as at first.
    pub fn set_expected(&mut self, expected: Expectation, now: Instant) {
        if expected != self.expected {
            *self = Self { expected, event: self.event, ..Self::new(self.config, now) };
        }
    }

    /// A packet of voice came.
    pub fn handle_voice(&mut self, now: Instant) {
        self.last_rtp = now;
        self.last_voice = now;
        match self.state {
            AudioState::Waiting | AudioState::NoRtp | AudioState::ComfortNoise => {
                self.last_speech = now;
                self.change(AudioState::Silent, now);
            }
            AudioState::Silent | AudioState::Speech => self.handle_timeout(now),
        }
    }

    /// A packet of comfort noise came, or one by which a codec says that it is silent.
    pub fn handle_comfort_noise(&mut self, now: Instant) {
        self.last_rtp = now;
        match self.state {
            AudioState::Waiting | AudioState::NoRtp => {
                self.last_voice = now;
                self.change(AudioState::ComfortNoise, now);
            }
            AudioState::Speech | AudioState::Silent | AudioState::ComfortNoise => self.handle_timeout(now),
        }
    }

    /// Speech was heard in what came.
    pub fn handle_speech(&mut self, now: Instant) {
        self.last_speech = now;
        if self.state != AudioState::Speech {
            self.change(AudioState::Speech, now);
        }
    }

    /// Notes that time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.rtp_due().is_some_and(|due| due <= now) {
            let since = if self.state == AudioState::Waiting { self.began } else { self.last_rtp };
            self.change(AudioState::NoRtp, since);
        } else if self.audio_due().is_some_and(|due| due <= now) {
            if now.saturating_duration_since(self.last_voice) >= self.config.speech_within {
                self.change(AudioState::ComfortNoise, self.last_voice);
            } else if self.state == AudioState::Speech {
                self.change(AudioState::Silent, self.last_speech);
            }
        }
    }

    /// When [`Self::handle_timeout`] may have something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.rtp_due(), self.audio_due()].into_iter().flatten().min()
    }

    /// A change, once.
    pub fn poll_event(&mut self) -> Option<AudioEvent> {
        self.event.take()
    }

    /// What is heard now.
    #[must_use]
    pub const fn state(&self) -> AudioState {
        self.state
    }

    /// When packets have stayed away too long.
    fn rtp_due(&self) -> Option<Instant> {
        let Self { config, .. } = self;
        let (first_within, within) = match self.expected {
            Expectation::Nothing => return None,
            Expectation::Perhaps => (config.rtp_within_hold, config.rtp_within_hold),
            Expectation::Voice => (config.first_rtp_within, config.rtp_within),
        };
        match self.state {
            AudioState::Waiting => Some(self.began + first_within),
            AudioState::Speech | AudioState::Silent => {
                let is_pause = self.last_rtp > self.last_voice;
                Some(self.last_rtp + if is_pause { config.rtp_within_pause } else { within })
            }
            AudioState::ComfortNoise => Some(self.last_rtp + config.rtp_within_pause),
            AudioState::NoRtp => None,
        }
    }

    /// When speech, or the packets it could be in, have stayed away too long.
    fn audio_due(&self) -> Option<Instant> {
        if self.expected != Expectation::Voice {
            return None;
        }
        match self.state {
            AudioState::Speech => Some(self.last_speech.min(self.last_voice) + self.config.speech_within),
            AudioState::Silent => Some(self.last_voice + self.config.speech_within),
            AudioState::Waiting | AudioState::ComfortNoise | AudioState::NoRtp => None,
        }
    }

    fn change(&mut self, state: AudioState, since: Instant) {
        let before = std::mem::replace(&mut self.state, state);
        // Two changes between two looks are one: from where it was to where it is.
        let before = self.event.map_or(before, |event| event.before);
        self.event = Some(AudioEvent { before, now: state, since }).filter(|event| event.before != event.now);
    }
}

#[cfg(test)]
mod tests {
    use super::AudioState::{ComfortNoise, NoRtp, Silent, Speech, Waiting};
    use super::*;

    /// What comes every 20 ms.
    #[derive(Debug, Clone, Copy)]
    enum Input {
        Nothing,
        Noise,
        Voice,
        Spoken,
    }

    struct Line {
        watch: AudioWatch,
        start: Instant,
        now: Instant,
    }

    impl Line {
        fn new() -> Self {
            let now = Instant::now();
            Self { watch: AudioWatch::new(AudioWatchConfig::default(), now), start: now, now }
        }

        /// Lets this come for some seconds; returns the changes, and when, in tenths of a second.
        fn run(&mut self, input: Input, seconds: u32) -> Vec<(u128, AudioState)> {
            let mut changes = Vec::new();
            for _ in 0..seconds * 50 {
                self.now += Duration::from_millis(20);
                match input {
                    Input::Nothing => {}
                    Input::Noise => self.watch.handle_comfort_noise(self.now),
                    Input::Voice => self.watch.handle_voice(self.now),
                    Input::Spoken => {
                        self.watch.handle_voice(self.now);
                        self.watch.handle_speech(self.now);
                    }
                }
                if self.watch.poll_timeout().is_some_and(|due| due <= self.now) {
                    self.watch.handle_timeout(self.now);
                }
                if let Some(event) = self.watch.poll_event() {
                    assert!(event.now == self.watch.state() && event.before != event.now);
                    changes.push((self.now.duration_since(self.start).as_millis() / 100, event.now));
                }
            }
            changes
        }

        /// Brings the line to this state; later times count from there.
        fn at(state: AudioState) -> Self {
            let mut line = Self::new();
            match state {
                Waiting => {}
                Speech => drop(line.run(Input::Spoken, 1)),
                Silent => drop(line.run(Input::Voice, 1)),
                ComfortNoise => drop(line.run(Input::Noise, 1)),
                NoRtp => drop(line.run(Input::Nothing, 6)),
            }
            assert_eq!(line.watch.state(), state);
            line.start = line.now;
            line
        }
    }

    #[test]
    fn every_state_and_input_lead_where_the_table_says() {
        let table = [
            (Waiting, Input::Nothing, vec![(50, NoRtp)]),
            (Waiting, Input::Noise, vec![(0, ComfortNoise)]),
            (Waiting, Input::Voice, vec![(0, Silent)]),
            (Waiting, Input::Spoken, vec![(0, Speech)]),
            (NoRtp, Input::Nothing, vec![]),
            (NoRtp, Input::Noise, vec![(0, ComfortNoise)]),
            (NoRtp, Input::Voice, vec![(0, Silent)]),
            (NoRtp, Input::Spoken, vec![(0, Speech)]),
            (Speech, Input::Nothing, vec![(30, NoRtp)]),
            (Speech, Input::Noise, vec![(100, ComfortNoise)]),
            (Speech, Input::Voice, vec![(100, Silent)]),
            (Speech, Input::Spoken, vec![]),
            (Silent, Input::Nothing, vec![(30, NoRtp)]),
            (Silent, Input::Noise, vec![(100, ComfortNoise)]),
            (Silent, Input::Voice, vec![]),
            (Silent, Input::Spoken, vec![(0, Speech)]),
            (ComfortNoise, Input::Nothing, vec![(150, NoRtp)]),
            (ComfortNoise, Input::Noise, vec![]),
            (ComfortNoise, Input::Voice, vec![(0, Silent)]),
            (ComfortNoise, Input::Spoken, vec![(0, Speech)]),
        ];
        for (state, input, changes) in table {
            assert_eq!(Line::at(state).run(input, 40), changes, "{state:?}, {input:?}");
        }
    }

    #[test]
    fn a_pause_that_was_announced_may_be_long() {
        let mut line = Line::at(Speech);
        line.run(Input::Noise, 1);
        assert_eq!(line.run(Input::Nothing, 8), []);
        assert_eq!(line.run(Input::Spoken, 1), []);
        assert_eq!(line.run(Input::Nothing, 4).len(), 1, "without an announcement it may not");
    }

    #[test]
    fn where_nothing_should_come_nothing_is_watched() {
        let mut line = Line::at(Speech);
        line.watch.set_expected(Expectation::Nothing, line.now);
        assert_eq!((line.watch.poll_timeout(), line.run(Input::Nothing, 60)), (None, vec![]));
        line.watch.set_expected(Expectation::Voice, line.now);
        line.start = line.now;
        assert_eq!(line.run(Input::Nothing, 10), [(50, NoRtp)]);
    }

    #[test]
    fn of_who_holds_it_is_told_within_a_second_whether_anything_comes_and_no_speech_is_missed() {
        let mut line = Line::at(Speech);
        line.watch.set_expected(Expectation::Perhaps, line.now);
        line.start = line.now;
        assert_eq!(line.run(Input::Nothing, 10), [(10, NoRtp)]);
        assert_eq!(line.run(Input::Voice, 60), [(100, Silent)]);
        assert_eq!(line.run(Input::Nothing, 10), [(710, NoRtp)]);
        assert_eq!(line.run(Input::Noise, 1), [(800, ComfortNoise)]);
        assert_eq!(line.run(Input::Nothing, 14), [], "it said that it pauses");
        assert_eq!(line.run(Input::Nothing, 2), [(960, NoRtp)]);
    }
}
