//! What of a call's headers goes from one leg to the next, and how a peer is told of diversions: Diversion (RFC 5806),
//! History-Info (RFC 7044), translated as RFC 7544 says.
//!
//! A header passes only where the lists of both peers name it. What SIP itself lives by never does.

use std::str::FromStr;

use crate::adapter::{Diversion, DiversionReason, Header, Passage};
use crate::sip::message::{HeaderName, Headers, Host, NameAddr, SipUri};
use crate::sip::own_headers::is_own;

/// What a peer may say, and is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassingConfig {
    /// The headers, both ways.
    pub headers: Vec<HeaderRange>,
    /// How it tells of diversions, and is told.
    pub diversion: DiversionStyle,
}

/// How diversions are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DiversionStyle {
    /// Not at all.
    #[default]
    None,
    /// By Diversion.
    Diversion,
    /// By History-Info.
    HistoryInfo,
    /// By both; Diversion is read, where both are there.
    Both,
}

/// A header's name, or the begin of names such as `X-*`; compared without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRange {
    begin: String,
    is_whole: bool,
}

/// Why a text is no such range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHeaderRange {
    /// Neither a name nor a begin of one.
    #[error("is no name of a header")]
    NoName,
    /// It would let everything pass, or nearly so.
    #[error("names too many headers")]
    TooWide,
    /// SIP lives by it.
    #[error("never passes: it belongs to one leg")]
    Never,
}

/// How many headers go along with a call, and how long each may be, in octets. Chosen by us: an INVITE with all of them
/// still is a message that everybody takes.
pub(crate) const HEADERS_MAX: usize = 16;
pub(crate) const VALUE_MAX: usize = 512;

/// How many diversions go along. Chosen by us: whoever sends a call on more often sends it in a circle.
const DIVERSIONS_MAX: usize = 10;

/// Known to us, and yet only for people to read.
const HARMLESS: [HeaderName; 8] = [
    HeaderName::AcceptLanguage,
    HeaderName::AlertInfo,
    HeaderName::CallInfo,
    HeaderName::Date,
    HeaderName::InReplyTo,
    HeaderName::Organization,
    HeaderName::Priority,
    HeaderName::Subject,
];

/// Unknown to us, and yet of one leg alone: extensions that order something, or tell of who is behind a peer.
const OF_ONE_LEG: [&str; 17] = [
    "Answer-Mode",
    "Geolocation",
    "Identity-Info",
    "Info-Package",
    "Join",
    "Max-Breadth",
    "P-Access-Network-Info",
    "P-Asserted-Service",
    "P-Charge-Info",
    "P-Charging-Vector",
    "P-Preferred-Service",
    "Priv-Answer-Mode",
    "Record",
    "Recv-Info",
    "Refer-Sub",
    "Remote-Party-ID",
    "Target-Dialog",
];

impl PassingConfig {
    /// What of an INVITE may go along with its call.
    #[must_use]
    pub fn incoming(&self, headers: &Headers) -> Passage {
        let passes = |name: &HeaderName| may_pass(name) && is_named(&self.headers, name.as_str());
        let passed = headers.iter().filter(|header| passes(&header.name) && header.value.len() <= VALUE_MAX);
        let passed = passed.take(HEADERS_MAX);
        let passed =
            passed.map(|header| Header { name: header.name.to_string(), value: header.value.to_string() });
        let mut diversions = match self.diversion {
            DiversionStyle::None => Vec::new(),
            DiversionStyle::Diversion => read_diversion(headers),
            DiversionStyle::HistoryInfo => read_history(headers),
            DiversionStyle::Both if headers.has(&HeaderName::Diversion) => read_diversion(headers),
            DiversionStyle::Both => read_history(headers),
        };
        diversions.truncate(DIVERSIONS_MAX);
        Passage { headers: passed.collect(), diversions }
    }

    /// What a peer is told with a call to `target`; `host` is the one of our From.
    #[must_use]
    pub fn outgoing(&self, passed: &Passage, target: &str, host: &Host) -> Vec<Header> {
        let passes = |header: &&Header| allows(&self.headers, &header.name);
        let mut told: Vec<_> = passed.headers.iter().filter(passes).cloned().collect();
        let diversions = &passed.diversions[..passed.diversions.len().min(DIVERSIONS_MAX)];
        if matches!(self.diversion, DiversionStyle::Diversion | DiversionStyle::Both) {
            told.extend(write_diversion(diversions, host));
        }
        if matches!(self.diversion, DiversionStyle::HistoryInfo | DiversionStyle::Both) {
            told.extend(write_history(diversions, target, host));
        }
        told
    }
}

/// Whether a header of this name passes where this is one of the two lists. What SIP lives by does by none.
#[must_use]
pub fn allows(list: &[HeaderRange], name: &str) -> bool {
    is_named(list, name) && may_pass(&HeaderName::from(name))
}

fn is_named(list: &[HeaderRange], name: &str) -> bool {
    list.iter().any(|range| range.covers(name))
}

impl HeaderRange {
    fn covers(&self, name: &str) -> bool {
        let begin = if self.is_whole { Some(name) } else { name.get(..self.begin.len()) };
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(&self.begin))
    }
}

impl FromStr for HeaderRange {
    type Err = BadHeaderRange;

    fn from_str(text: &str) -> Result<Self, BadHeaderRange> {
        let begin = text.strip_suffix('*').unwrap_or(text);
        let is_whole = begin.len() == text.len();
        let is_token = begin.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!%+'~`".contains(&byte));
        if !is_token || (is_whole && begin.is_empty()) {
            return Err(BadHeaderRange::NoName);
        }
        if !is_whole && begin.len() < 2 {
            return Err(BadHeaderRange::TooWide);
        }
        if is_whole && !may_pass(&HeaderName::from(begin)) {
            return Err(BadHeaderRange::Never);
        }
        Ok(Self { begin: begin.to_owned(), is_whole })
    }
}

/// Whether a header may be passed on at all: it takes more than not to be the gateway's own, since a stranger may say it.
fn may_pass(name: &HeaderName) -> bool {
    if is_own(name) {
        return false;
    }
    match name {
        HeaderName::Other(text) => !OF_ONE_LEG.iter().any(|own| own.eq_ignore_ascii_case(text)),
        known => HARMLESS.contains(known),
    }
}

fn addresses<'a>(headers: &'a Headers, name: &'a HeaderName) -> impl Iterator<Item = NameAddr> {
    headers.tokens(name).filter_map(|text| text.parse().ok())
}

fn user(address: &NameAddr) -> Option<String> {
    address.uri.user_unescaped().map(|user| user.into_owned()).filter(|user| !user.is_empty())
}

/// The topmost is the last one (RFC 5806 4). Who wants to be kept private is passed over.
fn read_diversion(headers: &Headers) -> Vec<Diversion> {
    let is_open = |address: &NameAddr| {
        address
            .params
            .get("privacy")
            .is_none_or(|privacy| privacy.trim_matches('"').eq_ignore_ascii_case("off"))
    };
    let told = addresses(headers, &HeaderName::Diversion).filter(is_open);
    let mut diversions: Vec<_> = told
        .filter_map(|address| {
            let reason = address.params.get("reason").unwrap_or_default().trim_matches('"');
            let known = REASONS.iter().find(|(_, word, _)| word.eq_ignore_ascii_case(reason));
            let reason = known.map_or(DiversionReason::Unknown, |(reason, ..)| *reason);
            // Of more than two digits there is none.
            let counter = address.params.get("counter").and_then(|text| text.parse::<u8>().ok());
            let counter = counter.filter(|counter| (1..=99).contains(counter)).unwrap_or(1);
            Some(Diversion { user: user(&address)?, reason, counter })
        })
        .collect();
    diversions.reverse();
    diversions
}

/// Each entry with a `cause` says why the call left the one before it (RFC 4458, RFC 7544 3.2).
fn read_history(headers: &Headers) -> Vec<Diversion> {
    let mut diversions = Vec::new();
    let mut before: Option<NameAddr> = None;
    for entry in addresses(headers, &HeaderName::HistoryInfo) {
        let cause: Option<u16> =
            entry.uri.as_sip().and_then(|uri| uri.params.get("cause")).and_then(|code| code.parse().ok());
        let is_private = |address: &NameAddr| {
            let headers = address.uri.as_sip().and_then(|uri| uri.headers.as_deref()).unwrap_or_default();
            headers.to_ascii_lowercase().contains("privacy=history")
        };
        if let (Some(cause), Some(left)) = (cause, before.as_ref().filter(|left| !is_private(left)))
            && let Some(user) = user(left)
        {
            let known = REASONS.iter().find(|(.., code)| *code == cause);
            let reason = known.map_or(DiversionReason::Unknown, |(reason, ..)| *reason);
            diversions.push(Diversion { user, reason, counter: 1 });
        }
        before = Some(entry);
    }
    diversions
}

fn write_diversion(diversions: &[Diversion], host: &Host) -> Vec<Header> {
    let told = diversions.iter().rev().map(|diversion| {
        let mut address = NameAddr::new(SipUri::new(&diversion.user, host.clone(), None));
        address.params.set("reason", Some(word(diversion.reason).0));
        address.params.set("counter", Some(diversion.counter.to_string().as_str()));
        Header { name: HeaderName::Diversion.to_string(), value: address.to_string() }
    });
    told.collect()
}

/// One entry for each who was called, and one for whom the call is for now.
fn write_history(diversions: &[Diversion], target: &str, host: &Host) -> Vec<Header> {
    let (mut index, mut cause, mut told) = (String::new(), None, Vec::new());
    let ends = diversions.iter().map(|one| (one.user.as_str(), Some(one.reason)));
    for (user, reason) in ends.chain([(target, None)]).filter(|_| !diversions.is_empty()) {
        let mut uri = SipUri::new(user, host.clone(), None);
        if let Some(cause) = cause {
            uri.params.set("cause", Some(word(cause).1.to_string().as_str()));
        }
        let before = index.clone();
        index = if index.is_empty() { "1".to_owned() } else { format!("{index}.1") };
        let mut entry = NameAddr::new(uri);
        entry.params.set("index", Some(&index));
        if !before.is_empty() {
            entry.params.set("mp", Some(&before));
        }
        told.push(Header { name: HeaderName::HistoryInfo.to_string(), value: entry.to_string() });
        cause = reason;
    }
    told
}

/// RFC 5806 4, and RFC 7544 3.2 with RFC 4458 2.
const REASONS: [(DiversionReason, &str, u16); 6] = [
    (DiversionReason::Unknown, "unknown", 404),
    (DiversionReason::Busy, "user-busy", 486),
    (DiversionReason::NoAnswer, "no-answer", 408),
    (DiversionReason::Unavailable, "unavailable", 503),
    (DiversionReason::Unconditional, "unconditional", 302),
    (DiversionReason::Deflection, "deflection", 480),
];

fn word(reason: DiversionReason) -> (&'static str, u16) {
    let known = REASONS.iter().find(|(known, ..)| *known == reason);
    known.map_or(("unknown", 404), |(_, word, code)| (word, *code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(headers: &[&str], diversion: DiversionStyle) -> PassingConfig {
        let headers = headers.iter().map(|text| text.parse().expect("a range")).collect();
        PassingConfig { headers, diversion }
    }

    fn headers(lines: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in lines {
            headers.push(HeaderName::from(*name), *value);
        }
        headers
    }

    fn told(headers: &[Header]) -> Vec<String> {
        headers.iter().map(|header| format!("{}: {}", header.name, header.value)).collect()
    }

    fn host() -> Host {
        Host::V4([192, 0, 2, 1].into())
    }

    #[test]
    fn a_header_passes_where_both_lists_name_it_and_what_sip_lives_by_never() {
        let lines = [
            ("x-tenant", "acme"),
            ("X-Long", &*"x".repeat(513)),
            ("Subject", "lunch"),
            ("P-Asserted-Identity", "<sip:boss@a>"),
            ("P-Charging-Vector", "icid"),
            ("P-Own", "1"),
            ("Authorization", "Digest x"),
            ("X-Other", "2"),
            ("Content-ID", "<body@a>"),
        ];
        let from = config(&["X-*", "P-*", "Content-*", "subject"], DiversionStyle::None);
        let passed = from.incoming(&headers(&lines));
        assert_eq!(told(&passed.headers), ["x-tenant: acme", "Subject: lunch", "P-Own: 1", "X-Other: 2"]);
        let to = config(&["X-Tenant", "Subject"], DiversionStyle::None);
        assert_eq!(told(&to.outgoing(&passed, "bob", &host())), ["x-tenant: acme", "Subject: lunch"]);
        assert!(PassingConfig::default().outgoing(&passed, "bob", &host()).is_empty());
        let forged = Passage {
            headers: vec![Header { name: "Via".into(), value: "evil".into() }],
            diversions: Vec::new(),
        };
        assert!(config(&["Vi*"], DiversionStyle::None).outgoing(&forged, "bob", &host()).is_empty());
        let many = vec![("X-A", "1"); 100];
        assert_eq!(from.incoming(&headers(&many)).headers.len(), HEADERS_MAX);
    }

    #[test]
    fn a_range_that_would_let_too_much_pass_is_none() {
        for (text, expected) in [
            ("", BadHeaderRange::NoName),
            ("X Y", BadHeaderRange::NoName),
            ("X-*-Y", BadHeaderRange::NoName),
            ("*", BadHeaderRange::TooWide),
            ("P*", BadHeaderRange::TooWide),
            ("Via", BadHeaderRange::Never),
            ("contact", BadHeaderRange::Never),
            ("Authorization", BadHeaderRange::Never),
            ("P-Asserted-Identity", BadHeaderRange::Never),
            ("Diversion", BadHeaderRange::Never),
            ("record", BadHeaderRange::Never),
            ("Content-ID", BadHeaderRange::Never),
        ] {
            assert_eq!(text.parse::<HeaderRange>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn diversions_are_translated_from_the_one_header_into_the_other_and_back() {
        let lines = [
            ("Diversion", "<sip:200@a>;reason=no-answer;counter=1, \"Ann\" <sip:100@a>;reason=user-busy"),
            ("Diversion", "<sip:secret@a>;reason=unknown;privacy=full"),
        ];
        let by = |style| config(&[], style);
        let passed = by(DiversionStyle::Diversion).incoming(&headers(&lines));
        let written = by(DiversionStyle::HistoryInfo).outgoing(&passed, "300", &host());
        assert_eq!(
            told(&written),
            [
                "History-Info: <sip:100@192.0.2.1>;index=1",
                "History-Info: <sip:200@192.0.2.1;cause=486>;index=1.1;mp=1",
                "History-Info: <sip:300@192.0.2.1;cause=408>;index=1.1.1;mp=1.1",
            ]
        );
        let lines: Vec<_> = written.iter().map(|header| (&*header.name, &*header.value)).collect();
        assert_eq!(by(DiversionStyle::HistoryInfo).incoming(&headers(&lines)), passed);
        let again = by(DiversionStyle::Diversion).outgoing(&passed, "300", &host());
        assert_eq!(
            told(&again),
            [
                "Diversion: <sip:200@192.0.2.1>;reason=no-answer;counter=1",
                "Diversion: <sip:100@192.0.2.1>;reason=user-busy;counter=1",
            ]
        );
        assert_eq!(by(DiversionStyle::Both).outgoing(&passed, "300", &host()).len(), 5);
        assert!(by(DiversionStyle::None).incoming(&headers(&lines)).diversions.is_empty());
        assert!(by(DiversionStyle::Both).outgoing(&Passage::default(), "300", &host()).is_empty());
    }

    #[test]
    fn how_often_a_call_went_on_is_told_as_it_was_and_once_where_that_makes_no_sense() {
        let by = config(&[], DiversionStyle::Diversion);
        for (told_us, we_tell) in [
            (";counter=3", "3"),
            (";counter=99", "99"),
            (";counter=1", "1"),
            ("", "1"),
            (";counter=0", "1"),
            (";counter=100", "1"),
            (";counter=-1", "1"),
            (";counter=x", "1"),
            (";counter", "1"),
        ] {
            let value = format!("<sip:200@a>;reason=no-answer{told_us}");
            let passed = by.incoming(&headers(&[("Diversion", &*value)]));
            let expected = format!("Diversion: <sip:200@192.0.2.1>;reason=no-answer;counter={we_tell}");
            assert_eq!(told(&by.outgoing(&passed, "300", &host())), [expected], "{told_us}");
        }
    }
}
