//! One-way audio: one party is heard and the other is not, though both should be.

use std::time::{Duration, Instant};

use super::audio_watch::AudioState;

/// How long it must be so. Chosen by us: two people listen to one another for longer than this only
/// when something is wrong on a line that has no sound at all; a silent party may simply listen.
const CERTAIN_AFTER: Duration = Duration::from_secs(10);

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OneWay {
    /// The caller's voice does not come.
    CallerUnheard,
    /// The callee's voice does not come.
    CalleeUnheard,
}

/// Watches both directions of a call together.
#[derive(Debug, Clone, Default)]
pub struct OneWayWatch {
    suspected: Option<(OneWay, Instant)>,
    is_told: bool,
}

impl OneWayWatch {
    /// When a look may bring certainty without anything new.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.suspected.filter(|_| !self.is_told).map(|(_, since)| since + CERTAIN_AFTER)
    }

    /// Looks at what comes from caller and callee at `now`; returns a finding, once, when it is certain.
    pub fn look(&mut self, caller: AudioState, callee: AudioState, now: Instant) -> Option<OneWay> {
        let Some(finding) = judge(caller, callee) else {
            *self = Self::default();
            return None;
        };
        match self.suspected {
            Some((suspected, since)) if suspected == finding => {
                let is_certain = !self.is_told && now.saturating_duration_since(since) >= CERTAIN_AFTER;
                self.is_told |= is_certain;
                is_certain.then_some(finding)
            }
            Some(_) | None => {
                *self = Self { suspected: Some((finding, now)), is_told: false };
                None
            }
        }
    }
}

/// One speaks, and of the other nothing comes that could be heard. Comfort noise is a sign of life.
fn judge(caller: AudioState, callee: AudioState) -> Option<OneWay> {
    let is_unheard = |state| match state {
        AudioState::Waiting | AudioState::NoRtp | AudioState::Silent => true,
        AudioState::Speech | AudioState::ComfortNoise => false,
    };
    match (caller, callee) {
        (AudioState::Speech, other) if is_unheard(other) => Some(OneWay::CalleeUnheard),
        (other, AudioState::Speech) if is_unheard(other) => Some(OneWay::CallerUnheard),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::AudioState::{ComfortNoise, NoRtp, Silent, Speech, Waiting};
    use super::*;

    #[test]
    fn it_is_told_once_when_it_is_certain_and_again_when_it_comes_back() {
        let (mut watch, start) = (OneWayWatch::default(), Instant::now());
        let mut look =
            |caller, callee, second| watch.look(caller, callee, start + Duration::from_secs(second));
        assert_eq!(look(Waiting, Speech, 0), None);
        assert_eq!(look(NoRtp, Speech, 9), None, "the same, for another reason");
        assert_eq!(look(NoRtp, Speech, 10), Some(OneWay::CallerUnheard));
        assert_eq!(look(NoRtp, Speech, 60), None, "once");
        assert_eq!(look(Speech, Speech, 61), None);
        assert_eq!(look(Speech, Silent, 62), None);
        assert_eq!(look(Silent, Speech, 71), None, "the other way round: they take turns");
        assert_eq!(look(Speech, Silent, 73), None);
        assert_eq!(look(Speech, Silent, 83), Some(OneWay::CalleeUnheard));
    }

    #[test]
    fn comfort_noise_and_two_silent_parties_are_no_fault() {
        let (mut watch, start) = (OneWayWatch::default(), Instant::now());
        for second in 0..60 {
            let now = start + Duration::from_secs(second);
            assert_eq!(watch.look(Speech, ComfortNoise, now), None);
            assert_eq!(watch.look(Silent, NoRtp, now), None);
        }
    }
}
