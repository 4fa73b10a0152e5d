//! How long digits took, there and back, by one clock: both ends of a call are ours.
//!
//! ```text
//! who presses    1 ----- way ----> 1    who hears it,
//!                1 <--------------      and returns it
//!                |- round trip -|
//! ```

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Side;
use crate::agent::{HeardDigit, SentDigit};

/// One digit that was pressed, and how long it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DigitTrip {
    /// The key.
    pub digit: char,
    /// From its first packet to the first of it at the other end, in milliseconds; `None` where it did not come.
    pub way_ms: Option<f64>,
    /// From its first packet to the first of it that came back, in milliseconds; `None` where none did.
    pub round_trip_ms: Option<f64>,
}

/// What comes later is another digit of the same key. As long as the sound of a beep is waited for.
const WAY_MAX: Duration = Duration::from_secs(2);

impl DigitTrip {
    /// Those of the digits that `from` pressed and sent. What `to` returned is told by which of those that it heard it was.
    pub(super) fn of(from: &Side<'_>, to: &Side<'_>) -> Vec<Self> {
        let came = came(&from.sent.digits, &to.heard.digits);
        let back = self::came(&to.sent.digits, &from.heard.digits);
        let returned = to.sent.digits.iter().zip(back);
        let back: HashMap<_, _> = returned.filter_map(|(sent, back)| Some((sent.returns?, back?))).collect();
        let pressed = from.sent.digits.iter().zip(came).filter(|(sent, _)| sent.returns.is_none());
        let trip = |(sent, came): (&SentDigit, Option<usize>)| Self {
            digit: sent.digit,
            way_ms: came.map(|came| ms(sent.at, to.heard.digits[came].at)),
            round_trip_ms: came
                .and_then(|came| back.get(&came))
                .map(|back| ms(sent.at, from.heard.digits[*back].at)),
        };
        pressed.map(trip).collect()
    }

    /// The same where the target itself echoes what it hears: each way was there and back.
    pub(super) fn echoed(self) -> Self {
        Self { way_ms: None, round_trip_ms: self.way_ms, ..self }
    }
}

/// The digits that are to come of what an end pressed and returned. What was returned so late that it may still be on its way
/// at the end of the talk is to come where it did. So is what was pressed, as far as it was sent, where the talk was broken off.
pub(super) fn expected(from: &Side<'_>, to: &Side<'_>, talked_until: Option<SystemTime>) -> String {
    let (sent, is_whole) = (&from.sent.digits, talked_until.is_some());
    if is_whole && sent.iter().all(|it| it.returns.is_none()) {
        return from.pressed.clone();
    }
    let until = talked_until.or_else(|| to.heard.packets.last().map(|packet| packet.at));
    let had_time = |it: &SentDigit| until.is_some_and(|until| it.at + WAY_MAX <= until);
    let is_due = |it: &SentDigit| had_time(it) || (is_whole && it.returns.is_none());
    let each = sent.iter().zip(has_come(sent, to));
    each.filter(|(it, has_come)| *has_come || is_due(it)).map(|(it, _)| it.digit).collect()
}

/// Whether each of the digits that were sent came: in media, or by signalling where none came there, which says no times.
fn has_come(sent: &[SentDigit], to: &Side<'_>) -> Vec<bool> {
    if !to.heard.digits.is_empty() {
        return came(sent, &to.heard.digits).iter().map(Option::is_some).collect();
    }
    let (mut has_come, mut next) = (vec![false; sent.len()], 0);
    for digit in to.told.chars() {
        if let Some(ahead) = sent[next..].iter().position(|it| it.digit == digit) {
            has_come[next + ahead] = true;
            next += ahead + 1;
        }
    }
    has_come
}

/// Which of the digits that were heard each one is that was sent. They come in their order, if at all; of what came, each is the
/// first that it can be.
fn came(sent: &[SentDigit], heard: &[HeardDigit]) -> Vec<Option<usize>> {
    let mut came = vec![None; sent.len()];
    let mut next = 0;
    for (index, heard) in heard.iter().enumerate() {
        while sent.get(next).is_some_and(|it| it.at + WAY_MAX < heard.at) {
            next += 1;
        }
        let before = sent[next..].iter().take_while(|it| it.at <= heard.at);
        if let Some(ahead) = before.map(|it| it.digit).position(|digit| digit == heard.digit) {
            came[next + ahead] = Some(index);
            next += ahead + 1;
        }
    }
    came
}

fn ms(from: SystemTime, to: SystemTime) -> f64 {
    to.duration_since(from).unwrap_or_default().as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use webtrunk_codecs::CodecId;

    use super::*;
    use crate::agent::{Heard, HeardPacket, Sent};
    use crate::hear::Hum;
    use crate::verdict::Said;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    /// What an end pressed, when; and what it returned.
    fn sent(pressed: &[(char, u64)], returned: &[(char, u64, usize)]) -> Sent {
        let pressed =
            pressed.iter().map(|(digit, ms)| SentDigit { digit: *digit, at: at(*ms), returns: None });
        let returned = returned.iter().map(|(digit, ms, heard)| SentDigit {
            digit: *digit,
            at: at(*ms),
            returns: Some(*heard),
        });
        Sent { digits: pressed.chain(returned).collect(), ..Sent::default() }
    }

    fn heard(digits: &[(char, u64)]) -> Heard {
        let digits = digits.iter().map(|(digit, ms)| HeardDigit {
            digit: *digit,
            at: at(*ms),
            duration: 800,
            is_ended: true,
            timestamp: *ms as u32,
        });
        Heard { digits: digits.collect(), ..Heard::default() }
    }

    fn side<'s>(sent: &'s Sent, heard: &'s Heard) -> Side<'s> {
        let said = Said::Hum(Hum::of_caller(0));
        Side { heard, told: String::new(), sent, said, pressed: String::new(), answered_at: None }
    }

    /// The ways of what was pressed.
    fn ways(pressed: &[(char, u64)], came: &[(char, u64)]) -> Vec<Option<f64>> {
        let (sent, nothing_sent) = (sent(pressed, &[]), Sent::default());
        let (heard, nothing_heard) = (heard(came), Heard::default());
        let trips = DigitTrip::of(&side(&sent, &nothing_heard), &side(&nothing_sent, &heard));
        assert!(trips.iter().all(|it| it.round_trip_ms.is_none()), "nothing was returned: {trips:?}");
        trips.into_iter().map(|it| it.way_ms).collect()
    }

    #[test]
    fn each_digit_is_timed_to_where_it_came_and_to_where_it_was_back() {
        let pressed = sent(&[('1', 1000), ('2', 1160)], &[]);
        let back = heard(&[('1', 1430), ('2', 1590)]);
        // It presses one of its own between, and hears both.
        let mut returned = sent(&[], &[('1', 1220, 0), ('2', 1380, 1)]);
        returned.digits.insert(1, SentDigit { digit: '2', at: at(1300), returns: None });
        let there = heard(&[('1', 1200), ('2', 1365)]);
        let trips = DigitTrip::of(&side(&pressed, &back), &side(&returned, &there));
        let told: Vec<_> = trips.iter().map(|it| (it.digit, it.way_ms, it.round_trip_ms)).collect();
        assert_eq!(
            told,
            [('1', Some(200.0), Some(430.0)), ('2', Some(205.0), None)],
            "which 2 came is its own"
        );
        let own = DigitTrip::of(&side(&returned, &there), &side(&pressed, &back));
        let own: Vec<_> = own.iter().map(|it| (it.digit, it.way_ms, it.round_trip_ms)).collect();
        assert_eq!(own, [('2', Some(290.0), None)], "what it returned is no digit of its own");
    }

    #[test]
    fn where_the_target_echoes_the_way_was_the_round_trip() {
        let (sent, heard) = (sent(&[('1', 1000)], &[]), heard(&[('1', 1045)]));
        let both = side(&sent, &heard);
        let trips: Vec<_> = DigitTrip::of(&both, &both).into_iter().map(DigitTrip::echoed).collect();
        assert_eq!(trips, [DigitTrip { digit: '1', way_ms: None, round_trip_ms: Some(45.0) }]);
    }

    #[test]
    fn what_was_lost_doubled_or_changed_is_timed_as_far_as_it_came() {
        let pressed = [('1', 0), ('2', 160), ('1', 320)];
        assert_eq!(ways(&pressed, &[('1', 30), ('2', 190), ('1', 350)]), [Some(30.0); 3]);
        assert_eq!(ways(&pressed, &[('1', 30), ('1', 350)]), [Some(30.0), None, Some(30.0)]);
        assert_eq!(ways(&pressed, &[('2', 190)]), [None, Some(30.0), None]);
        let doubled = [('1', 30), ('1', 30), ('2', 190), ('2', 190), ('1', 350), ('1', 350)];
        assert_eq!(ways(&pressed, &doubled), [Some(30.0); 3]);
        assert_eq!(ways(&pressed, &[('1', 30), ('9', 190), ('1', 350)]), [Some(30.0), None, Some(30.0)]);
        // More than one is under way at a time.
        assert_eq!(ways(&[('5', 0), ('5', 160)], &[('5', 400), ('5', 560)]), [Some(400.0); 2]);
        assert_eq!(ways(&[('5', 0), ('5', 3000)], &[('5', 3040)]), [None, Some(40.0)], "the first was lost");
    }

    #[test]
    fn what_was_returned_is_to_come_unless_the_talk_ended_on_its_way() {
        let returned = sent(&[('7', 500)], &[('1', 1000, 0), ('2', 5000, 1)]);
        let (silent, came) = (Sent::default(), heard(&[('7', 540), ('1', 1040)]));
        let told =
            |until: Option<u64>| expected(&side(&returned, &came), &side(&silent, &came), until.map(at));
        assert_eq!(told(Some(8000)), "712", "it was lost");
        assert_eq!(told(Some(6000)), "71");
        assert_eq!(told(None), "71", "the talk was broken off");
        let pressed = Side { pressed: "12".to_owned(), ..side(&silent, &came) };
        assert_eq!(expected(&pressed, &side(&silent, &came), Some(at(8000))), "12", "nothing is returned");
    }

    #[test]
    fn what_was_returned_came_where_signalling_tells_of_it() {
        let returned = sent(&[], &[('1', 1000, 0), ('2', 1160, 1), ('#', 1320, 2)]);
        let (silent, nothing) = (Sent::default(), Heard::default());
        for (told, due) in [("12#", "12#"), ("1#", "1#"), ("112", "12"), ("", "")] {
            let to = Side { told: told.to_owned(), ..side(&silent, &nothing) };
            assert_eq!(expected(&side(&returned, &nothing), &to, None), due, "{told:?} came");
        }
    }

    #[test]
    fn where_the_talk_was_broken_off_what_was_not_sent_is_not_to_come() {
        let pressing = sent(&[('1', 1000), ('2', 1160)], &[]);
        let (silent, nothing) = (Sent::default(), Heard::default());
        let from = Side { pressed: "12#".to_owned(), ..side(&pressing, &nothing) };
        let due = |came: &Heard, until: Option<u64>| expected(&from, &side(&silent, came), until.map(at));
        assert_eq!(due(&heard(&[('1', 1040)]), None), "1", "2 was on its way");
        assert_eq!(due(&heard(&[('1', 1040)]), Some(1500)), "12#", "the talk was whole");
        let packet = HeardPacket {
            at: at(3100),
            from: ([127, 0, 0, 1], 9).into(),
            codec: CodecId::Pcmu,
            sequence: 1,
            timestamp: 0,
            marker: false,
            ssrc: 1,
            payload: Box::default(),
        };
        let listened = Heard { packets: vec![packet], ..heard(&[('2', 1200)]) };
        assert_eq!(due(&listened, None), "12", "1 was lost: it had time to come");
    }
}
