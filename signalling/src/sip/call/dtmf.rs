//! Digits in INFO: `application/dtmf-relay` and `application/dtmf`, which no RFC defines and every
//! phone speaks.

use std::time::Duration;

use webtrunk_engine::rtp::telephone_event::{DIGIT_MAX, DIGIT_MIN};

use crate::sip::message::{HeaderName, Request};

/// A digit and how long it was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digit {
    /// `0-9*#A-D`.
    pub(super) key: char,
    /// How long.
    pub(super) duration: Duration,
}

/// What an INFO says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Info {
    /// A digit.
    Digit(Digit),
    /// Nothing: the peer asks whether the dialog still stands.
    Empty,
    /// A digit that is none.
    Malformed,
    /// A body that we do not read.
    Unknown,
}

/// What we read, for Accept.
pub(super) const ACCEPTED: &str = "application/dtmf-relay, application/dtmf";

/// How long a digit is held where the peer does not say. Chosen by us: well above the 40 ms that
/// receivers need.
const DURATION_DEFAULT: Duration = Duration::from_millis(160);

impl Info {
    /// Reads the body of an INFO.
    pub(super) fn read(info: &Request) -> Self {
        if info.body.is_empty() {
            return Self::Empty;
        }
        let Ok(body) = std::str::from_utf8(&info.body) else { return Self::Malformed };
        if info.headers.is_content_type("application/dtmf-relay") {
            return read_relay(body).map_or(Self::Malformed, Self::Digit);
        }
        if info.headers.is_content_type("application/dtmf") {
            let key = body.trim();
            // Some write `Signal=5` here too.
            let digit = if key.contains('=') {
                read_relay(body)
            } else {
                parse_key(key).map(|key| Digit { key, duration: DURATION_DEFAULT })
            };
            return digit.map_or(Self::Malformed, Self::Digit);
        }
        Self::Unknown
    }
}

impl Digit {
    /// Puts the digit into an INFO.
    pub(super) fn write_to(self, info: &mut Request) {
        info.headers.push(HeaderName::ContentType, "application/dtmf-relay");
        info.body = format!("Signal={}\r\nDuration={}\r\n", self.key, self.duration.as_millis()).into();
    }
}

fn read_relay(body: &str) -> Option<Digit> {
    let mut key = None;
    let mut duration = DURATION_DEFAULT;
    for line in body.lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        let value = value.trim();
        if name.trim().eq_ignore_ascii_case("Signal") {
            key = parse_key(value);
        } else if name.trim().eq_ignore_ascii_case("Duration") {
            let millis = value.parse().ok().map(Duration::from_millis);
            let said = millis.filter(|held| !held.is_zero());
            duration = said.unwrap_or(DURATION_DEFAULT).clamp(DIGIT_MIN, DIGIT_MAX);
        }
    }
    key.map(|key| Digit { key, duration })
}

/// A key by its sign, or by its event code (RFC 4733 3.2), which some phones send.
fn parse_key(text: &str) -> Option<char> {
    match text {
        "10" => Some('*'),
        "11" => Some('#'),
        "12" => Some('A'),
        "13" => Some('B'),
        "14" => Some('C'),
        "15" => Some('D'),
        _ => {
            let mut chars = text.chars();
            let key = chars.next()?.to_ascii_uppercase();
            (chars.next().is_none() && matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')).then_some(key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::{Host, Method, SipUri};

    #[test]
    fn both_types_and_all_keys_are_read() {
        for key in "0123456789*#ABCD".chars() {
            let relay = format!("Signal={key}\r\nDuration=200\r\n");
            assert_eq!(read("application/dtmf-relay", &relay), digit(key, 200));
            assert_eq!(read("application/dtmf", &key.to_string()), digit(key, 160));
        }
        assert_eq!(read("Application/DTMF-Relay", "Signal= d \nDuration= 250"), digit('D', 250));
        assert_eq!(read("application/dtmf-relay", "Signal=11"), digit('#', 160));
        assert_eq!(read("application/dtmf", "Signal=7\r\nDuration=90"), digit('7', 90));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let sent = Digit { key: '#', duration: Duration::from_millis(120) };
        let mut info = info();
        sent.write_to(&mut info);
        assert_eq!(Info::read(&info), Info::Digit(sent));
    }

    #[test]
    fn nonsense_is_malformed_and_durations_are_bounded() {
        for body in ["Signal=E", "Signal=55", "Duration=100", "\u{ff}", "Signal="] {
            assert_eq!(read("application/dtmf-relay", body), Info::Malformed, "{body}");
        }
        assert_eq!(read("application/dtmf-relay", "Signal=5\r\nDuration=4000000000"), digit('5', 10_000));
        assert_eq!(read("application/dtmf-relay", "Signal=5\r\nDuration=1"), digit('5', 40));
        assert_eq!(read("application/dtmf-relay", "Signal=5\r\nDuration=0"), digit('5', 160));
    }

    #[test]
    fn other_bodies_are_unknown_and_none_is_empty() {
        assert_eq!(read("application/media_control+xml", "<x/>"), Info::Unknown);
        assert_eq!(Info::read(&info()), Info::Empty);
    }

    fn info() -> Request {
        Request::new(
            Method::Info,
            SipUri::new("bob", Host::from(std::net::IpAddr::from([192, 0, 2, 1])), None),
        )
    }

    fn read(content_type: &'static str, body: &str) -> Info {
        let mut info = info();
        info.headers.push(HeaderName::ContentType, content_type);
        info.body = body.to_owned().into();
        Info::read(&info)
    }

    fn digit(key: char, millis: u64) -> Info {
        Info::Digit(Digit { key, duration: Duration::from_millis(millis) })
    }
}
