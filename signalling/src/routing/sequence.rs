//! Which orders of actions make sense: seen before the first call, not during it.

use super::action::ActionSpec;
use super::menu::MENU_DEPTH_MAX;
use super::rule::RuleFault;

/// How far a call has come when an action's turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// Not answered.
    Offered,
    /// Not answered, and a bridge was tried.
    Tried,
    /// Answered by us.
    Answered,
    /// No action gets its turn after the one named.
    Never { after: &'static str },
}

/// Refuses sequences with an action that cannot be reached, that nobody hears, or without an outcome.
pub(super) fn check(actions: &[ActionSpec]) -> Result<(), RuleFault> {
    let all = flat(actions);
    if depth(actions) > MENU_DEPTH_MAX {
        return Err(RuleFault::MenusTooDeep);
    }
    // In menus too: the call is placed where its room is before anybody chooses.
    if all.iter().filter(|action| matches!(action, ActionSpec::Conference(_))).count() > 1 {
        return Err(RuleFault::TwoRooms);
    }
    // One press must not mean two things.
    let of_recordings = all.iter().filter_map(|action| match action {
        ActionSpec::Record(record) => Some(&record.keys),
        _ => None,
    });
    for keys in of_recordings {
        let of_conferences = all.iter().filter_map(|action| match action {
            ActionSpec::Conference(conference) => Some(&conference.keys),
            _ => None,
        });
        of_conferences.into_iter().try_for_each(|others| keys.check_beside(others))?;
    }
    if run(Reached::Offered, actions)? == Reached::Offered { Err(RuleFault::NoOutcome) } else { Ok(()) }
}

/// All actions, with those of menus.
fn flat(actions: &[ActionSpec]) -> Vec<&ActionSpec> {
    let mut all = Vec::new();
    for action in actions {
        all.push(action);
        if let ActionSpec::Menu(menu) = action {
            all.extend(menu.choices.iter().flat_map(|(_, inner)| flat(inner)));
        }
    }
    all
}

/// How many menus stand in one another.
fn depth(actions: &[ActionSpec]) -> usize {
    let depths = actions.iter().map(|action| match action {
        ActionSpec::Menu(menu) => {
            1 + menu.choices.iter().map(|(_, inner)| depth(inner)).max().unwrap_or_default()
        }
        _ => 0,
    });
    depths.max().unwrap_or_default()
}

/// How far a call is after these actions, which begin where it has come to.
fn run(mut reached: Reached, actions: &[ActionSpec]) -> Result<Reached, RuleFault> {
    if actions.is_empty() {
        return Err(RuleFault::NoAction);
    }
    for action in actions {
        reached = next(reached, action)?;
    }
    Ok(reached)
}

fn next(reached: Reached, action: &ActionSpec) -> Result<Reached, RuleFault> {
    let word = word(action);
    if let Reached::Never { after } = reached {
        return Err(RuleFault::Unreachable { action: word, before: after });
    }
    let is_answered = reached == Reached::Answered;
    match action {
        ActionSpec::Answer if is_answered => Err(RuleFault::AnsweredTwice),
        ActionSpec::Answer => Ok(Reached::Answered),
        ActionSpec::Wait(_) | ActionSpec::Record(_) | ActionSpec::StopRecording => Ok(reached),
        ActionSpec::Bridge(_) if is_answered => Ok(reached),
        ActionSpec::Bridge(_) => Ok(Reached::Tried),
        ActionSpec::Reject(_) => Ok(Reached::Never { after: word }),
        ActionSpec::Play(_)
        | ActionSpec::Echo
        | ActionSpec::Tone(_)
        | ActionSpec::Conference(_)
        | ActionSpec::Menu(_)
        | ActionSpec::Hangup
            if !is_answered =>
        {
            Err(RuleFault::NotAnswered { action: word })
        }
        ActionSpec::Menu(menu) if menu.choices.is_empty() => Err(RuleFault::NoChoice),
        ActionSpec::Menu(menu) => {
            menu.choices.iter().try_for_each(|(_, inner)| run(reached, inner).map(drop))?;
            Ok(reached)
        }
        ActionSpec::Echo | ActionSpec::Hangup => Ok(Reached::Never { after: word }),
        ActionSpec::Play(play) if play.is_repeated && !play.is_interruptible => {
            Ok(Reached::Never { after: word })
        }
        ActionSpec::Tone(tone) if tone.duration.is_none() => Ok(Reached::Never { after: word }),
        ActionSpec::Play(_) | ActionSpec::Tone(_) | ActionSpec::Conference(_) => Ok(reached),
    }
}

/// The action's name in the configuration.
fn word(action: &ActionSpec) -> &'static str {
    match action {
        ActionSpec::Answer => "\"answer\"",
        ActionSpec::Wait(_) => "\"wait_ms\"",
        ActionSpec::Play(_) => "\"play\"",
        ActionSpec::Record(_) => "\"record\"",
        ActionSpec::StopRecording => "\"stop_recording\"",
        ActionSpec::Echo => "\"echo\"",
        ActionSpec::Tone(_) => "\"tone\"",
        ActionSpec::Bridge(_) => "\"bridge\"",
        ActionSpec::Conference(_) => "\"conference\"",
        ActionSpec::Menu(_) => "\"menu\"",
        ActionSpec::Reject(_) => "\"reject\"",
        ActionSpec::Hangup => "\"hangup\"",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use webtrunk_codecs::tone::Digit;
    use webtrunk_engine::EndCause;
    use webtrunk_engine::call::ConferenceRole;
    use webtrunk_engine::media::RecordingFormat;

    use super::super::action::ConferenceSpec;
    use super::super::bridge::{BridgeSpec, BridgeTo};
    use super::super::keys::FeatureKeys;
    use super::super::menu::MenuSpec;
    use super::super::plan::{Play, Record, Tone};
    use super::*;

    /// The action that a letter stands for: small letters end by themselves, capitals never do.
    fn action(letter: char) -> ActionSpec {
        let play = |is_repeated, is_interruptible| {
            ActionSpec::Play(Play { prompts: vec!["announcement".into()], is_repeated, is_interruptible })
        };
        let tone = |duration| ActionSpec::Tone(Tone { frequency_hz: 440, level_dbm0: -10.0, duration });
        match letter {
            'a' => ActionSpec::Answer,
            'w' => ActionSpec::Wait(Duration::from_millis(500)),
            'p' => play(false, false),
            'i' => play(true, true),
            'P' => play(true, false),
            't' => tone(Some(Duration::from_secs(1))),
            'T' => tone(None),
            'r' => ActionSpec::Record(Record {
                format: RecordingFormat::Wav,
                is_on_demand: false,
                keys: FeatureKeys::default(),
                takes_requests: false,
                is_for_trunks: false,
            }),
            's' => ActionSpec::StopRecording,
            'E' => ActionSpec::Echo,
            'b' => {
                let to = BridgeTo::users(["alice"]);
                ActionSpec::Bridge(BridgeSpec::new(to, Duration::from_secs(30)))
            }
            'm' => menu(&["H"]),
            'M' => menu(&[]),
            'N' => menu(&["c", "bc"]),
            'n' => menu(&["a"]),
            'd' => menu(&["b", "e"]),
            'e' => menu(&["f"]),
            'f' => menu(&["m"]),
            'D' => menu(&["d"]),
            'c' => ActionSpec::Conference(ConferenceSpec {
                room: "room".to_owned(),
                role: ConferenceRole::Party,
                target: None,
                keys: FeatureKeys::default(),
                gain_db: 0.0,
                is_muted: false,
            }),
            'R' => ActionSpec::Reject(EndCause::Busy),
            'H' => ActionSpec::Hangup,
            other => panic!("no action is called {other}"),
        }
    }

    #[test]
    fn keys_of_a_recording_and_of_a_conference_begin_differently() {
        use super::super::keys::{Feature, PartyFeature, RecordingFeature};
        let with_keys = |of_recording, of_party| {
            let keys = |keys, feature| FeatureKeys::new([(keys, feature)]).expect("sound");
            let mut actions = ['a', 'r', 'c'].map(action);
            if let ActionSpec::Record(record) = &mut actions[1] {
                record.keys = keys(of_recording, Feature::Recording(RecordingFeature::Mark));
            }
            if let ActionSpec::Conference(conference) = &mut actions[2] {
                conference.keys = keys(of_party, Feature::Party(PartyFeature::Mute));
            }
            check(&actions).map_err(|fault| fault.to_string())
        };
        assert_eq!(with_keys("*1", "*2"), Ok(()));
        for (one, other) in [("*1", "*1"), ("*", "*1"), ("*12", "*1")] {
            let fault = with_keys(one, other).expect_err("they clash");
            assert!(fault.ends_with("so the two cannot be told apart"), "{fault}");
        }
    }

    /// A menu with these choices.
    fn menu(choices: &[&str]) -> ActionSpec {
        let choice = |(key, letters): (char, &&str)| {
            (Digit::parse(key).expect("a key"), letters.chars().map(action).collect())
        };
        ActionSpec::Menu(MenuSpec {
            prompts: vec!["announcement".into()],
            wrong: Vec::new(),
            choices: ('0'..='9').zip(choices).map(choice).collect(),
            timeout: Duration::from_secs(5),
            repeats: 1,
        })
    }

    #[test]
    fn a_sequence_is_checked_before_the_first_call() {
        let verdicts = [
            ("aE", "ok"),
            ("awpH", "ok"),
            ("atp", "ok"),
            ("aP", "ok"),
            ("aipH", "ok"),
            ("aT", "ok"),
            ("b", "ok"),
            ("rb", "ok"),
            ("arpsbH", "ok"),
            ("r", "it neither answers, bridges nor rejects the call"),
            ("bb", "ok"),
            ("wb", "ok"),
            ("bapH", "ok"),
            ("apbpH", "ok"),
            ("ac", "ok"),
            ("apcpH", "ok"),
            ("R", "ok"),
            ("amH", "ok"),
            ("amb", "ok"),
            ("m", "\"menu\" needs an answered call; put \"answer\" before it"),
            ("aM", "a menu needs a key to choose"),
            ("an", "the call is answered already; take the second \"answer\" out"),
            ("aN", "a rule may have one conference, since a call meets others in one room only"),
            ("ad", "ok"),
            ("aD", "menus stand in one another 4 deep at most"),
            ("wR", "ok"),
            ("apR", "ok"),
            ("bR", "ok"),
            ("", "it has no action"),
            ("w", "it neither answers, bridges nor rejects the call"),
            ("aa", "the call is answered already; take the second \"answer\" out"),
            ("E", "\"echo\" needs an answered call; put \"answer\" before it"),
            ("p", "\"play\" needs an answered call; put \"answer\" before it"),
            ("c", "\"conference\" needs an answered call; put \"answer\" before it"),
            ("acpc", "a rule may have one conference, since a call meets others in one room only"),
            ("wT", "\"tone\" needs an answered call; put \"answer\" before it"),
            ("bH", "\"hangup\" needs an answered call; put \"answer\" before it"),
            ("aEH", "\"hangup\" is never reached, because \"echo\" before it does not end"),
            ("aPp", "\"play\" is never reached, because \"play\" before it does not end"),
            ("aTb", "\"bridge\" is never reached, because \"tone\" before it does not end"),
            ("Ra", "\"answer\" is never reached, because \"reject\" before it does not end"),
            ("aHw", "\"wait_ms\" is never reached, because \"hangup\" before it does not end"),
        ];
        for (letters, expected) in verdicts {
            let actions: Vec<_> = letters.chars().map(action).collect();
            let verdict = check(&actions).map_or_else(|fault| fault.to_string(), |()| "ok".to_owned());
            assert_eq!(verdict, expected, "for {letters:?}");
        }
    }
}
