//! What an adapter may tell when, by what it told and was told before. Pure.
//!
//! ```text
//!            Incoming, Supervising          Answer
//!  (none) -------------------------> Asked --------.
//!     |                                | Ended      v
//!     |   Dial             Answered    |          Up ---- Ended ----> Over
//!     `---------> Dialled -------------|----------^                    ^
//!                    |                 `-------------------------------|
//!                    `------------------- Ended -----------------------'
//! ```

use std::collections::HashMap;

use webtrunk_engine::LegId;
use webtrunk_signalling::adapter::{Command, ContentId, Event};

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// Something is told of a leg of which nobody knows.
    #[error("{what} is told of a leg that neither came in nor was dialled")]
    OfNobody {
        /// The event's name.
        what: String,
    },
    /// Something is told of a leg after its end.
    #[error("{what} is told of a leg after its end")]
    AfterTheEnd {
        /// The event's name.
        what: String,
    },
    /// A leg ended twice.
    #[error("the end of a leg is told twice")]
    TwoEnds,
    /// A new call has the name of a leg that was there before.
    #[error("a new call has the name of a leg that was there before")]
    NamedTwice,
    /// A leg was answered twice.
    #[error("a leg that was dialled is answered twice")]
    AnsweredTwice,
    /// A leg that came in was answered by its caller.
    #[error("{what} is told of a leg that was not dialled, or is answered")]
    NotDialled {
        /// The event's name.
        what: String,
    },
    /// Something is told that only answered legs do.
    #[error("{what} is told of a leg that is not answered")]
    NotAnswered {
        /// The event's name.
        what: String,
    },
    /// An answer of which nobody asked.
    #[error("{what} is told, and nobody asked")]
    Unasked {
        /// The event's name.
        what: String,
    },
    /// Legs that are left.
    #[error("{0} legs have no end")]
    NoEnd(usize),
    /// Something was asked and never answered.
    #[error("{0} of what was asked has no answer: an offer, a message or a content")]
    NoAnswer(usize),
}

/// Hears all that passes between a gateway and one adapter.
#[derive(Debug, Default)]
pub struct Judge {
    legs: HashMap<LegId, Leg>,
    /// Messages that were sent.
    texts: Vec<LegId>,
    /// Contents that were passed.
    contents: Vec<(LegId, ContentId)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leg {
    Asked,
    Dialled,
    Up {
        /// New offers of the gateway's that wait for an answer.
        offers: usize,
    },
    Over,
}

impl Judge {
    /// Hears what the adapter is told.
    pub fn note(&mut self, command: &Command) {
        match command {
            Command::Dial(dial) => _ = self.legs.insert(dial.leg, Leg::Dialled),
            Command::SendText(text) => self.texts.push(text.leg),
            Command::PassContent { leg, id, .. } if matches!(self.legs.get(leg), Some(Leg::Up { .. })) => {
                self.contents.push((*leg, *id));
            }
            Command::Answer { leg, .. } => {
                if let Some(asked @ Leg::Asked) = self.legs.get_mut(leg) {
                    *asked = Leg::Up { offers: 0 };
                }
            }
            Command::Reoffer { leg, .. } => {
                if let Some(Leg::Up { offers }) = self.legs.get_mut(leg) {
                    *offers += 1;
                }
            }
            _ => {}
        }
    }

    /// Hears what the adapter tells.
    ///
    /// # Errors
    /// The promise that this breaks.
    pub fn hear(&mut self, event: &Event) -> Result<(), Breach> {
        let leg = event.leg();
        match event {
            Event::Incoming(_) | Event::Supervising(_) => match self.legs.insert(leg, Leg::Asked) {
                None => Ok(()),
                Some(_) => Err(Breach::NamedTwice),
            },
            // A name that nothing follows for.
            Event::Refused(_) | Event::Texted(_) => Ok(()),
            Event::TextSent { .. } => take(&mut self.texts, &leg).ok_or_else(|| unasked(event)),
            Event::ContentAnswered { id, .. } => {
                self.known(event)?;
                take(&mut self.contents, &(leg, *id)).ok_or_else(|| unasked(event))
            }
            Event::Ended { .. } => {
                if self.legs.get(&leg) == Some(&Leg::Over) {
                    return Err(Breach::TwoEnds);
                }
                *self.known(event)? = Leg::Over;
                self.contents.retain(|(of, _)| *of != leg);
                Ok(())
            }
            Event::Answered { .. } => match self.known(event)? {
                state @ Leg::Dialled => {
                    *state = Leg::Up { offers: 0 };
                    Ok(())
                }
                Leg::Up { .. } => Err(Breach::AnsweredTwice),
                _ => Err(Breach::NotDialled { what: name(event) }),
            },
            Event::Progress { .. } | Event::Redirected { .. } => match self.known(event)? {
                Leg::Dialled => Ok(()),
                _ => Err(Breach::NotDialled { what: name(event) }),
            },
            Event::ReofferAnswered { .. } | Event::ReofferRefused { .. } => match self.known(event)? {
                Leg::Up { offers: 0 } => Err(unasked(event)),
                Leg::Up { offers } => {
                    *offers -= 1;
                    Ok(())
                }
                _ => Err(Breach::NotAnswered { what: name(event) }),
            },
            Event::EndTold { .. } | Event::ContentTold { .. } | Event::RecordingBound { .. } => {
                self.known(event).map(|_| ())
            }
            // Of early media that is agreed for good too.
            Event::Reoffered { .. } => self.known(event).map(|_| ()),
            _ => match self.known(event)? {
                Leg::Up { .. } => Ok(()),
                _ => Err(Breach::NotAnswered { what: name(event) }),
            },
        }
    }

    /// The adapter has stopped.
    ///
    /// # Errors
    /// What it owes.
    pub fn finish(&self) -> Result<(), Breach> {
        let left = self.legs.values().filter(|leg| **leg != Leg::Over).count();
        if left > 0 {
            return Err(Breach::NoEnd(left));
        }
        match self.texts.len() + self.contents.len() {
            0 => Ok(()),
            owed => Err(Breach::NoAnswer(owed)),
        }
    }

    /// How many new offers of the gateway's wait for the answer of this leg.
    #[must_use]
    pub fn offers(&self, leg: LegId) -> usize {
        match self.legs.get(&leg) {
            Some(Leg::Up { offers }) => *offers,
            _ => 0,
        }
    }

    /// The leg that an event is about, where something may be told of it.
    fn known(&mut self, event: &Event) -> Result<&mut Leg, Breach> {
        match self.legs.get_mut(&event.leg()) {
            None => Err(Breach::OfNobody { what: name(event) }),
            Some(Leg::Over) => Err(Breach::AfterTheEnd { what: name(event) }),
            Some(leg) => Ok(leg),
        }
    }
}

fn take<T: PartialEq>(from: &mut Vec<T>, what: &T) -> Option<()> {
    let at = from.iter().position(|own| own == what)?;
    from.swap_remove(at);
    Some(())
}

fn unasked(event: &Event) -> Breach {
    Breach::Unasked { what: name(event) }
}

/// The name of an event, without what it says.
fn name(event: &Event) -> String {
    let text = format!("{event:?}");
    let end = text.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(text.len());
    text[..end].to_owned()
}

#[cfg(test)]
mod tests;
