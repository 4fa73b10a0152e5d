//! Whether the two parties of a call hear one another, as far as what comes from each can tell.

use std::time::Instant;

use tracing::{info, warn};

use super::events::CallEvent;
use crate::leg::Leg;
use crate::media::Hears;
use crate::media::quality::{AudioEvent, AudioState, OneWay, OneWayWatch};

/// Watches both directions together.
#[derive(Default)]
pub(super) struct Audibility {
    watch: OneWayWatch,
}

impl Audibility {
    /// Tells a change of what is heard of a leg, if there was one.
    pub(super) fn look_at(leg: &mut Leg) -> Option<CallEvent> {
        let AudioEvent { before, now, .. } = leg.poll_audio_event()?;
        leg.span().in_scope(|| match now {
            AudioState::NoRtp if leg.is_to_be_heard() => warn!(?before, "no audio comes from the party"),
            AudioState::NoRtp => info!(?before, "nothing comes from the party, which holds"),
            AudioState::Waiting | AudioState::Speech | AudioState::Silent | AudioState::ComfortNoise => {
                info!(?before, ?now, "another thing is heard of the party");
            }
        });
        Some(CallEvent::AudioChanged { leg: leg.id(), before, now })
    }

    /// Looks at the two legs that hear one another; tells of one-way audio when it is certain.
    pub(super) fn look(&mut self, legs: &[Leg], now: Instant) -> Option<CallEvent> {
        let Some([(one, of_one), (other, of_other)]) = watched(legs) else {
            // What was suspected of them before would be due for ever.
            self.watch = OneWayWatch::default();
            return None;
        };
        let unheard = match self.watch.look(of_one, of_other, now)? {
            OneWay::CallerUnheard => one,
            OneWay::CalleeUnheard => other,
        };
        unheard.span().in_scope(|| warn!("one-way audio: this party hears the other and is not heard"));
        Some(CallEvent::OneWayAudio { unheard: unheard.id() })
    }

    /// When a further look may tell something.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.watch.poll_timeout()
    }
}

/// The two, and what is heard of each; `None` where there are none, or one of them need not be heard, for it holds the other say.
fn watched(legs: &[Leg]) -> Option<[(&Leg, AudioState); 2]> {
    let (one, other) = pair(legs)?;
    let is_fair = one.is_to_be_heard() && other.is_to_be_heard();
    is_fair.then_some([(one, one.audio_state()?), (other, other.audio_state()?)])
}

/// The first two legs that hear one another.
fn pair(legs: &[Leg]) -> Option<(&Leg, &Leg)> {
    legs.iter().find_map(|one| {
        let other = legs.iter().find(|other| other.id() != one.id() && hears(one, other))?;
        hears(other, one).then_some((one, other))
    })
}

fn hears(listener: &Leg, speaker: &Leg) -> bool {
    matches!(listener.sender.hears, Hears::Leg { from, .. } if from == speaker.id())
}
