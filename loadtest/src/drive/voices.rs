//! What the ends of calls say: each hum is made once, and shared.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::agent::Voice;
use crate::hear::Hum;

/// What is said in a run: the hums that were needed so far, and silence.
#[derive(Debug)]
pub(super) struct Voices {
    hums: Mutex<HashMap<Hum, Voice>>,
    silence: Voice,
}

impl Voices {
    pub(super) fn new() -> Self {
        Self { hums: Mutex::default(), silence: Voice::silence() }
    }

    pub(super) fn silence(&self) -> Voice {
        self.silence.clone()
    }

    /// Two seconds are more than a packet, so there always is one.
    pub(super) fn of(&self, hum: Hum) -> Option<Voice> {
        let mut voices = self.hums.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(voice) = voices.get(&hum) {
            return Some(voice.clone());
        }
        let voice = Voice::joining_up(hum.clip()).ok()?;
        voices.insert(hum, voice.clone());
        Some(voice)
    }
}
