//! What a rule asks of a call besides who calls whom: groups, networks, listeners, headers, hours.

use std::collections::{HashMap, HashSet};

use jiff::tz::{Offset, TimeZone};
use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::routing::{Conditions, HeaderPattern, Hours};
use webtrunk_signalling::sip::message::HeaderName;

use super::NETWORK_CURE;
use super::faults::Faults;
use super::nearest::meant;
use super::rules::GROUP_CURE;

/// A rule's keys of this kind, lent.
pub(super) struct ConditionKeys<'r> {
    pub(super) groups: Option<&'r [Spanned<String>]>,
    pub(super) networks: &'r [Spanned<String>],
    pub(super) listeners: &'r [Spanned<String>],
    pub(super) headers: &'r [HeaderSection],
    pub(super) when: Option<&'r WhenSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderSection {
    name: Spanned<String>,
    pattern: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhenSection {
    #[serde(default)]
    days: Vec<Spanned<String>>,
    #[serde(default)]
    hours: Vec<Spanned<String>>,
    zone: Spanned<String>,
}

/// The days as they are written.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The last minute of a day and one more.
const MIDNIGHT: u16 = 24 * 60;

impl ConditionKeys<'_> {
    pub(super) fn check(
        &self,
        groups: &HashMap<&str, HashSet<&str>>,
        listeners: &HashSet<&str>,
        faults: &mut Faults<'_>,
    ) -> Conditions {
        let members = self.groups.map(|named| {
            if named.is_empty() {
                return HashSet::new();
            }
            named.iter().flat_map(|group| members(group, groups, faults)).collect()
        });
        for listener in self.listeners {
            if !listeners.contains(listener.get_ref().as_str()) {
                let cure = "write the name of one of [[sip.listeners]] or [[sip_ws.listeners]], or its transport where it has no name";
                let cure = meant(listener.get_ref(), listeners.iter().copied(), cure);
                faults.add_absent(&["sip", "sip_ws"], listener.span(), "no listener has this name", cure);
            }
        }
        Conditions {
            members,
            networks: faults.parse_all(self.networks, NETWORK_CURE),
            listeners: self.listeners.iter().map(|name| name.get_ref().clone()).collect(),
            hours: self.when.and_then(|when| when.check(faults)),
            headers: self.headers.iter().map(|header| header.check(faults)).collect(),
        }
    }
}

fn members(
    group: &Spanned<String>,
    groups: &HashMap<&str, HashSet<&str>>,
    faults: &mut Faults<'_>,
) -> Vec<String> {
    let Some(members) = groups.get(group.get_ref().as_str()) else {
        let cure = meant(group.get_ref(), groups.keys().copied(), GROUP_CURE);
        faults.add_absent(
            &["users"],
            group.span(),
            "no user is in this group, so the rule never applies",
            cure,
        );
        return Vec::new();
    };
    members.iter().map(|name| (*name).to_owned()).collect()
}

impl HeaderSection {
    fn check(&self, faults: &mut Faults<'_>) -> HeaderPattern {
        let name = HeaderName::from(self.name.get_ref().as_str());
        if matches!(name, HeaderName::Via | HeaderName::Authorization | HeaderName::ProxyAuthorization) {
            faults.add(self.name.span(), "is no header that rules see", "ask from_networks, or from_user");
        }
        if let Err(error) = regex::Regex::new(self.pattern.get_ref()) {
            let cure = "correct the expression; it always has to match the whole text";
            faults.add(self.pattern.span(), format!("is no usable regular expression: {error}"), cure);
        }
        HeaderPattern { name: name.as_str().to_owned(), pattern: self.pattern.get_ref().clone() }
    }
}

impl WhenSection {
    fn check(&self, faults: &mut Faults<'_>) -> Option<Hours> {
        let mut days = Vec::new();
        for written in &self.days {
            match days_of(written.get_ref()) {
                Some(named) => days.extend(named),
                None => faults.add(written.span(), "is no day of the week", "write \"mon\" or \"mon-fri\""),
            }
        }
        let mut spans = Vec::new();
        for written in &self.hours {
            match span_of(written.get_ref()) {
                Some(span) => spans.push(span),
                None => {
                    let cure = "write \"08:00-17:30\", or \"22:00-06:00\" for a night";
                    faults.add(written.span(), "is no span of hours", cure);
                }
            }
        }
        let zone = zone_of(self.zone.get_ref());
        if zone.is_none() {
            let cure =
                "write a name such as \"Europe/Berlin\", or \"UTC\", or a fixed offset such as \"+01:00\"";
            faults.add(self.zone.span(), "is no time zone", cure);
        }
        Some(Hours { days, spans, zone: zone? })
    }
}

/// One day, or all from one to another, round the week's end where need be.
fn days_of(text: &str) -> Option<Vec<i8>> {
    let day = |name: &str| DAYS.iter().zip(0..).find(|(known, _)| **known == name).map(|(_, day)| day);
    let Some((first, last)) = text.split_once('-') else { return Some(vec![day(text)?]) };
    let (first, last): (i8, i8) = (day(first)?, day(last)?);
    Some((0..=(last - first).rem_euclid(7)).map(|step| (first + step) % 7).collect())
}

/// `08:00-17:30`, in minutes of the day.
fn span_of(text: &str) -> Option<[u16; 2]> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute_of(from)?, minute_of(to)?);
    (from != to && from < MIDNIGHT).then_some([from, to])
}

fn minute_of(text: &str) -> Option<u16> {
    let two = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    let (hours, minutes) = text.split_once(':').filter(|(hours, minutes)| two(hours) && two(minutes))?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= MIDNIGHT).then_some(minute)
}

fn zone_of(text: &str) -> Option<TimeZone> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return TimeZone::get(text).ok(),
    };
    let seconds = i32::from(minute_of(&text[1..])?) * 60 * sign;
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_spans_and_zones_are_read_or_refused() {
        let days = [
            ("mon", Some(vec![0])),
            ("mon-fri", Some(vec![0, 1, 2, 3, 4])),
            ("sat-mon", Some(vec![5, 6, 0])),
            ("sun-sun", Some(vec![6])),
            ("Mon", None),
            ("mon-", None),
            ("", None),
        ];
        for (text, expected) in days {
            assert_eq!(days_of(text), expected, "{text:?}");
        }
        let spans = [
            ("08:00-17:30", Some([480, 1050])),
            ("22:00-06:00", Some([1320, 360])),
            ("00:00-24:00", Some([0, 1440])),
            ("24:00-08:00", None),
            ("08:00-08:00", None),
            ("8:00-9:00", None),
            ("08:60-09:00", None),
            ("25:00-26:00", None),
            ("08:00", None),
        ];
        for (text, expected) in spans {
            assert_eq!(span_of(text), expected, "{text:?}");
        }
        for (text, is_zone) in [
            ("Europe/Berlin", true),
            ("UTC", true),
            ("+01:00", true),
            ("-05:30", true),
            ("+1", false),
            ("Europe/Atlantis", false),
            ("", false),
        ] {
            assert_eq!(zone_of(text).is_some(), is_zone, "{text:?}");
        }
    }
}
