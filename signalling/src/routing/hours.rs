//! Hours of the week, by the clock on somebody's wall.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Days, hours and the time zone in which they are meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Hours {
    /// The days on which the spans begin, 0 for Monday; empty for all.
    pub days: Vec<i8>,
    /// From one minute of the day on, up to another, which is not included; one whose end is not after its
    /// begin goes past midnight. Empty for the whole day.
    pub spans: Vec<[u16; 2]>,
    /// By which summer time comes and goes too.
    pub zone: TimeZone,
}

impl Hours {
    /// Whether a moment is in them.
    #[must_use]
    pub fn contain(&self, at: SystemTime) -> bool {
        // What a calendar does not know is in no hours.
        let Ok(at) = Timestamp::try_from(at) else { return false };
        let at = self.zone.to_datetime(at);
        let today = at.weekday().to_monday_zero_offset();
        let yesterday = (today + 6) % 7;
        let minute = u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs());
        let is_day = |day| self.days.is_empty() || self.days.contains(&day);
        if self.spans.is_empty() {
            return is_day(today);
        }
        self.spans.iter().any(|&[from, to]| {
            if from < to {
                return is_day(today) && (from..to).contains(&minute);
            }
            is_day(today) && minute >= from || is_day(yesterday) && minute < to
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SystemTime {
        let at = text.parse::<Timestamp>().expect("a moment").as_second();
        SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at.unsigned_abs())
    }

    fn hours(days: &[i8], spans: &[[u16; 2]], zone: &str) -> Hours {
        let zone = TimeZone::get(zone).expect("a zone");
        Hours { days: days.to_vec(), spans: spans.to_vec(), zone }
    }

    #[test]
    fn hours_are_those_of_the_wall_clock_in_summer_and_in_winter() {
        let office = hours(&[0, 1, 2, 3, 4], &[[8 * 60, 12 * 60], [13 * 60, 17 * 60]], "Europe/Berlin");
        let moments = [
            ("2026-01-15T06:59:59Z", false), // Thursday, 07:59:59
            ("2026-01-15T07:00:00Z", true),
            ("2026-01-15T11:00:00Z", false), // noon
            ("2026-01-15T15:59:59Z", true),
            ("2026-01-15T16:00:00Z", false),
            ("2026-07-15T06:00:00Z", true), // Wednesday, 08:00 of summer time
            ("2026-07-15T15:00:00Z", false),
            ("2026-07-18T08:00:00Z", false), // Saturday
        ];
        for (moment, is_in) in moments {
            assert_eq!(office.contain(at(moment)), is_in, "{moment}");
        }
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let night = hours(&[4], &[[22 * 60, 6 * 60]], "UTC");
        let moments = [
            ("2026-11-27T21:59:00Z", false), // Friday
            ("2026-11-27T22:00:00Z", true),
            ("2026-11-28T05:59:00Z", true),
            ("2026-11-28T06:00:00Z", false),
            ("2026-11-28T22:00:00Z", false),
            ("2026-11-27T03:00:00Z", false), // the end of Thursday's
        ];
        for (moment, is_in) in moments {
            assert_eq!(night.contain(at(moment)), is_in, "{moment}");
        }
        let whole = hours(&[5], &[], "UTC");
        assert!(whole.contain(at("2026-11-28T00:00:00Z")) && !whole.contain(at("2026-11-27T23:59:59Z")));
        assert!(hours(&[], &[[0, 24 * 60]], "UTC").contain(at("2026-11-28T23:59:59Z")));
    }
}
