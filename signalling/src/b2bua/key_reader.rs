//! Keys of one party, of which some may be for the gateway: those that may be the begin of a sequence are kept back
//! until it is known.
//!
//! ```text
//! key down --> kept: a sequence may begin like this ---- whole ------------> feature, and nobody hears of the keys
//!         `--> passed: none does                   `---- another key, or 2 s without one --> what none begins
//!                                                        with is passed on, late
//! ```

use std::time::{Duration, Instant};

use webtrunk_codecs::tone::Digit;

use crate::routing::{Feature, FeatureKeys, KeyMatch};

/// How long the next key of a sequence may take. Chosen by us: what people need to find it.
const NEXT_KEY: Duration = Duration::from_secs(2);

/// How long a key counts as held that goes up after the next one went down. Chosen by us: what phones send.
const HELD_AT_LEAST: Duration = Duration::from_millis(160);

/// Reads one party's keys.
#[derive(Debug, Default)]
pub(super) struct KeyReader {
    kept: Vec<Kept>,
    /// When what is kept is passed on; `None` while a key is down, or nothing is kept.
    until: Option<Instant>,
    /// The last key of a sequence is still down.
    completed: Option<Digit>,
}

#[derive(Debug)]
struct Kept {
    key: Digit,
    /// How long it was held, once it is up.
    held: Option<Duration>,
}

/// What becomes of a key that went down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Press {
    /// Nobody hears of it yet.
    Kept,
    /// It is none of ours.
    Passed,
    /// It was the last of a sequence.
    Whole(Feature),
}

impl KeyReader {
    /// A key went down. First of all the keys are passed on that were kept and are none of ours, each with how long it
    /// was held.
    pub(super) fn press(&mut self, key: Digit, plan: &[FeatureKeys]) -> (Vec<(Digit, Duration)>, Press) {
        self.until = None;
        self.completed = None;
        self.kept.push(Kept { key, held: None });
        let mut passed = Vec::new();
        while !self.kept.is_empty() {
            match self.find(plan) {
                KeyMatch::Begin => return (passed, Press::Kept),
                KeyMatch::Whole(feature) => {
                    self.kept.clear();
                    self.completed = Some(key);
                    return (passed, Press::Whole(feature));
                }
                KeyMatch::Nothing => {
                    let Kept { key, held } = self.kept.remove(0);
                    // The last is the one that is down, which goes its own way.
                    if !self.kept.is_empty() {
                        passed.push((key, held.unwrap_or(HELD_AT_LEAST)));
                    }
                }
            }
        }
        (passed, Press::Passed)
    }

    /// A key went up; tells whether it is kept back.
    pub(super) fn release(&mut self, key: Digit, held: Duration, now: Instant) -> bool {
        if self.completed.take_if(|completed| *completed == key).is_some() {
            return true;
        }
        let Some(last) = self.kept.last_mut().filter(|last| last.key == key) else { return false };
        last.held = Some(held);
        self.until = Some(now + NEXT_KEY);
        true
    }

    /// The keys that are kept no longer, since no other came.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Vec<(Digit, Duration)> {
        if self.until.take_if(|until| *until <= now).is_none() {
            return Vec::new();
        }
        self.kept.drain(..).map(|Kept { key, held }| (key, held.unwrap_or(HELD_AT_LEAST))).collect()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.until
    }

    fn find(&self, plan: &[FeatureKeys]) -> KeyMatch {
        let keys: Vec<Digit> = self.kept.iter().map(|kept| kept.key).collect();
        let found = plan.iter().map(|keys_of| keys_of.find(&keys)).find(|found| *found != KeyMatch::Nothing);
        found.unwrap_or(KeyMatch::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::RecordingFeature;

    const HELD: Duration = Duration::from_millis(100);

    /// What a party hears of keys that are typed, each held for a tenth of a second with another one between:
    /// `x` a key that is passed on at once, `(x)` one that comes late, `!` a feature. A dash waits three seconds.
    fn heard(keys: &str) -> String {
        let plan = [
            FeatureKeys::new([
                ("*1", Feature::Recording(RecordingFeature::Record)),
                ("**2", Feature::Recording(RecordingFeature::Mark)),
            ])
            .expect("sound"),
            FeatureKeys::new([("112", Feature::Recording(RecordingFeature::Pause))]).expect("sound"),
        ];
        let mut reader = KeyReader::default();
        let mut now = Instant::now();
        let mut heard = String::new();
        for typed in keys.chars() {
            let Some(key) = Digit::parse(typed) else {
                now += Duration::from_secs(3);
                let late = reader.handle_timeout(now);
                heard.extend(late.iter().map(|(key, held)| format!("({key}{})", held.as_millis() / 100)));
                continue;
            };
            let (passed, press) = reader.press(key, &plan);
            heard.extend(passed.iter().map(|(key, held)| format!("({key}{})", held.as_millis() / 100)));
            let is_passed = press == Press::Passed;
            heard += &match press {
                Press::Kept => String::new(),
                Press::Passed => typed.to_string(),
                Press::Whole(Feature::Recording(feature)) => format!("{feature:?}!"),
                Press::Whole(other) => panic!("{other:?} has no keys"),
            };
            assert_eq!(reader.poll_timeout(), None, "nothing is passed on while a key is down");
            assert_eq!(reader.release(key, HELD, now + HELD), !is_passed);
            now += 2 * HELD;
        }
        heard
    }

    #[test]
    fn sequences_are_kept_back_and_all_else_is_passed_on_in_its_order() {
        for (typed, expected) in [
            ("5", "5"),
            ("*1", "Record!"),
            ("5*15", "5Record!5"),
            ("*5", "(*1)5"),
            ("*-1-", "(*1)(11)"),
            ("**1", "(*1)Record!"),
            ("**2", "Mark!"),
            ("***2", "(*1)Mark!"),
            ("1112", "(11)Pause!"),
            ("11*1", "(11)(11)Record!"),
            ("*1*1", "Record!Record!"),
        ] {
            assert_eq!(heard(typed), expected, "{typed}");
        }
    }

    #[test]
    fn the_next_key_has_two_seconds_from_the_release_of_the_one_before() {
        let plan = [FeatureKeys::new([("*1", Feature::Recording(RecordingFeature::Record))]).expect("sound")];
        let key = |key| Digit::parse(key).expect("a key");
        let now = Instant::now();
        let mut reader = KeyReader::default();
        assert_eq!(reader.press(key('*'), &plan).1, Press::Kept);
        assert!(reader.handle_timeout(now + 3 * NEXT_KEY).is_empty(), "it is still down");
        assert!(reader.release(key('*'), 3 * NEXT_KEY, now + 3 * NEXT_KEY));
        assert_eq!(reader.poll_timeout(), Some(now + 4 * NEXT_KEY));
        assert_eq!(
            reader.press(key('1'), &plan).1,
            Press::Whole(Feature::Recording(RecordingFeature::Record))
        );
        assert_eq!(reader.poll_timeout(), None);
    }
}
