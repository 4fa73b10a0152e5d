//! A voice packet by packet, as its maker wants it: of any length, with pauses and comfort noise.

/// One step of a voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptStep {
    /// A payload of the agreed codec, and how many milliseconds of sound it has.
    Voice(Box<[u8]>, u32),
    /// A silence descriptor (RFC 3389), which fills no time.
    Noise(Box<[u8]>),
    /// Nothing is sent for so many milliseconds.
    Pause(u32),
    /// What follows is of another source, whose sequence numbers soon wrap.
    NewSource,
    /// A payload of the agreed codec by a source of its own, which fills no time and never comes again.
    Stray(Box<[u8]>),
}

/// Where in a script, step after step over and over, its speaker is.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    index: usize,
    /// How far after the begin of this tick of the clock the next step begins.
    lead_ms: u32,
}

impl Cursor {
    /// The next step that begins within a tick of so many milliseconds, and how far after its begin; when there is
    /// none, the tick is over.
    pub(super) fn next<'a>(
        &mut self,
        steps: &'a [ScriptStep],
        tick_ms: u32,
    ) -> Option<(&'a ScriptStep, u32)> {
        if self.lead_ms >= tick_ms || steps.is_empty() {
            self.lead_ms = self.lead_ms.saturating_sub(tick_ms);
            return None;
        }
        let step = &steps[self.index % steps.len()];
        let begins_ms = self.lead_ms;
        self.index += 1;
        self.lead_ms += match step {
            ScriptStep::Voice(_, ms) | ScriptStep::Pause(ms) => *ms,
            ScriptStep::Noise(_) | ScriptStep::NewSource | ScriptStep::Stray(_) => 0,
        };
        Some((step, begins_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_begin_when_those_before_them_end() {
        let voice = |ms| ScriptStep::Voice(Box::new([1]), ms);
        let steps = [voice(10), ScriptStep::Noise(Box::new([60])), ScriptStep::Pause(40), voice(30)];
        let mut cursor = Cursor::default();
        let mut began = Vec::new();
        for tick in 0..8 {
            while let Some((step, after)) = cursor.next(&steps, 20) {
                if !matches!(step, ScriptStep::Pause(_)) {
                    began.push(tick * 20 + after);
                }
            }
        }
        assert_eq!(began, [0, 10, 50, 80, 90, 130]);
    }
}
