//! What the ends of calls say: each hum is made once, and shared.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::agent::Voice;
use crate::hear::Hum;

/// The hums that were needed so far.
#[derive(Debug, Default)]
pub(super) struct Voices(Mutex<HashMap<Hum, Voice>>);

impl Voices {
    /// Two seconds are more than a packet, so there always is one.
    pub(super) fn of(&self, hum: Hum) -> Option<Voice> {
        let mut voices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(voice) = voices.get(&hum) {
            return Some(voice.clone());
        }
        let voice = Voice::joining_up(hum.clip()).ok()?;
        voices.insert(hum, voice.clone());
        Some(voice)
    }
}
