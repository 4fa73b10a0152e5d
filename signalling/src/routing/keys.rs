//! Keys that a party presses for the gateway itself, while it talks.

use std::sync::Arc;

use webtrunk_codecs::tone::Digit;

use super::rule::RuleFault;

/// The longest sequence. Chosen by us: nobody keys in more by heart.
const KEYS_MAX: usize = 8;

/// What a sequence of keys does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// To the recording.
    Recording(RecordingFeature),
    /// To what whoever presses it is in a conference.
    Party(PartyFeature),
}

/// What keys do to a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordingFeature {
    /// Begins a recording, or ends it.
    Record,
    /// Lets silence stand for what is said, or goes on recording.
    Pause,
    /// Marks this moment of the recording.
    Mark,
}

/// What keys do to a party of a conference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartyFeature {
    /// Nobody hears it, or they do again.
    Mute,
    /// It is louder.
    Louder,
    /// It is softer.
    Softer,
    /// A supervisor is heard by nobody.
    Listen,
    /// A supervisor is heard by one party.
    Whisper,
    /// A supervisor takes part.
    Barge,
}

/// Sequences of keys; none is the begin of another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeatureKeys(Arc<[(Vec<Digit>, Feature)]>);

/// What keys that were pressed one after another are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMatch {
    /// No sequence begins like this.
    Nothing,
    /// A sequence does, and is not whole yet.
    Begin,
    /// A whole sequence.
    Whole(Feature),
}

impl FeatureKeys {
    /// Sequences as they are written, such as `*1`.
    ///
    /// # Errors
    /// [`RuleFault`] where one is no sequence of keys, or is the begin of another.
    pub fn new<'k>(written: impl IntoIterator<Item = (&'k str, Feature)>) -> Result<Self, RuleFault> {
        let read = |(text, feature): (&str, Feature)| {
            let keys: Option<Vec<Digit>> = text.chars().map(Digit::parse).collect();
            let keys = keys.filter(|keys| (1..=KEYS_MAX).contains(&keys.len()));
            keys.map(|keys| (keys, feature)).ok_or_else(|| RuleFault::Keys { text: text.to_owned() })
        };
        let keys = Self(written.into_iter().map(read).collect::<Result<_, _>>()?);
        keys.check_beside(&Self::default())?;
        Ok(keys)
    }

    /// Refuses sequences of which one is the begin of another, here or among `others`.
    pub(super) fn check_beside(&self, others: &Self) -> Result<(), RuleFault> {
        let all: Vec<&Vec<Digit>> = self.0.iter().chain(others.0.iter()).map(|(keys, _)| keys).collect();
        for (index, one) in all.iter().enumerate() {
            let clash = all.iter().enumerate().find(|(at, other)| *at != index && other.starts_with(one));
            if let Some((_, other)) = clash {
                let text = |keys: &[Digit]| keys.iter().map(|key| key.to_char()).collect();
                return Err(RuleFault::KeysClash { one: text(one), other: text(other) });
            }
        }
        Ok(())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What these keys are.
    #[must_use]
    pub fn find(&self, pressed: &[Digit]) -> KeyMatch {
        match self.0.iter().find(|(keys, _)| keys.starts_with(pressed)) {
            Some((keys, feature)) if keys.len() == pressed.len() => KeyMatch::Whole(*feature),
            Some(_) => KeyMatch::Begin,
            None => KeyMatch::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<Digit> {
        text.chars().filter_map(Digit::parse).collect()
    }

    #[test]
    fn a_sequence_is_found_when_it_is_whole() {
        let keys = FeatureKeys::new([
            ("*1", Feature::Recording(RecordingFeature::Record)),
            ("*22", Feature::Recording(RecordingFeature::Pause)),
        ])
        .expect("sound");
        for (pressed, expected) in [
            ("*", KeyMatch::Begin),
            ("*1", KeyMatch::Whole(Feature::Recording(RecordingFeature::Record))),
            ("*2", KeyMatch::Begin),
            ("*22", KeyMatch::Whole(Feature::Recording(RecordingFeature::Pause))),
            ("*3", KeyMatch::Nothing),
            ("1", KeyMatch::Nothing),
        ] {
            assert_eq!(keys.find(&digits(pressed)), expected, "{pressed}");
        }
    }

    #[test]
    fn sequences_that_cannot_be_told_apart_or_pressed_are_refused() {
        for (one, other, expected) in [
            ("*1", "*1", "\"*1\" is the begin of \"*1\", so the two cannot be told apart"),
            ("*1", "*", "\"*\" is the begin of \"*1\", so the two cannot be told apart"),
            ("*1", "", "\"\" is no sequence of 1 to 8 keys of 0-9, *, #, A-D"),
            ("*1", "*x", "\"*x\" is no sequence of 1 to 8 keys of 0-9, *, #, A-D"),
            ("*1", "123456789", "\"123456789\" is no sequence of 1 to 8 keys of 0-9, *, #, A-D"),
        ] {
            let fault = FeatureKeys::new([
                (one, Feature::Recording(RecordingFeature::Record)),
                (other, Feature::Recording(RecordingFeature::Mark)),
            ]);
            assert_eq!(fault.expect_err("a fault").to_string(), expected);
        }
    }
}
