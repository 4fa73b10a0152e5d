//! Who calls, as trunks are shown it and as they show it to us (RFC 3323, RFC 3325), and numbers as a trunk
//! writes them.
//!
//! | `caller_id` | what the trunk is shown | what of the trunk is believed |
//! |---|---|---|
//! | `From` | From | From |
//! | `Asserted` | From and P-Asserted-Identity | P-Asserted-Identity, else From |
//! | `Withheld` | P-Asserted-Identity alone, and that others are not to be shown it | as `Asserted` |
//!
//! Who withholds its number is called `anonymous`, in rules too, and told of so.

use regex::{Regex, RegexBuilder};

use crate::adapter::{Party, Passage, Target};
use crate::sip::message::{
    ByteString, HeaderName, Headers, Host, NameAddr, ParseError, Request, SipUri, Uri,
};
use crate::sip::trunk::TrunkConfig;

/// How a trunk and we tell each other who calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CallerId {
    /// By From.
    #[default]
    From,
    /// By From and P-Asserted-Identity.
    Asserted,
    /// By P-Asserted-Identity, with Privacy.
    Withheld,
}

/// One number of a call, by its part and its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Whom we call at the trunk.
    CalledOut,
    /// Who calls, as shown to the trunk.
    CallerOut,
    /// What the trunk's caller dialled.
    CalledIn,
    /// Who calls from the trunk.
    CallerIn,
}

/// A number that is written another way.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// Which number.
    pub subject: Subject,
    /// What it must be, from its first to its last character.
    pub pattern: Regex,
    /// What it becomes, with `$1` for the first group.
    pub to: String,
}

impl Rewrite {
    /// A number that matches `pattern` as a whole becomes `to`.
    ///
    /// # Errors
    /// The expression is none, or too large.
    pub fn new(subject: Subject, pattern: &str, to: &str) -> Result<Self, regex::Error> {
        let whole = format!("^(?:{pattern})$");
        let pattern = RegexBuilder::new(&whole).size_limit(EXPRESSION_SIZE_MAX).build()?;
        Ok(Self { subject, pattern, to: to.to_owned() })
    }
}

/// Compiled size of one expression, in bytes, as in rules.
const EXPRESSION_SIZE_MAX: usize = 1 << 20;

/// What an INVITE says of its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Who calls.
    pub caller: Party,
    /// What was dialled.
    pub destination: String,
    /// The one device that was dialled, where it was one (RFC 5627).
    pub device: Option<Target>,
    /// What of it may go along, where a trunk says it.
    pub passed: Passage,
}

/// What callers without a number are called, and the host that stands for none (RFC 3323 4.1).
pub const ANONYMOUS: &str = "anonymous";
const NOWHERE: &str = "anonymous.invalid";

/// The number as the first rewriting that it matches writes it; as it is where none does.
#[must_use]
pub fn rewrite(rewrites: &[Rewrite], subject: Subject, number: &str) -> String {
    let of_subject = |one: &&Rewrite| one.subject == subject;
    let caught = |one: &Rewrite| {
        let captures = one.pattern.captures(number)?;
        let mut to = String::new();
        captures.expand(&one.to, &mut to);
        Some(to)
    };
    rewrites.iter().filter(of_subject).find_map(caught).unwrap_or_else(|| number.to_owned())
}

/// A call to `number` as a trunk writes it: the address that is called, and who calls. A user on whose behalf it is
/// calls by its own account there.
#[must_use]
pub fn written_for(
    trunk: &TrunkConfig,
    number: &str,
    caller: &Party,
    on_behalf_of: Option<&str>,
) -> (SipUri, Party) {
    let called = rewrite(&trunk.rewrites, Subject::CalledOut, number);
    let user = match on_behalf_of.and_then(|user| trunk.account_of(user)) {
        // Unless a rule has it show another number.
        Some(account) if on_behalf_of == Some(caller.user.as_str()) => account.user.clone(),
        _ => rewrite(&trunk.rewrites, Subject::CallerOut, &caller.user),
    };
    (SipUri::new(&called, trunk.uri_host(), trunk.uri_port()), Party { user, ..caller.clone() })
}

/// The From of an INVITE, without tag; the fields that say more of the caller are added to `headers`.
#[must_use]
pub fn present(caller: &Party, host: &Host, caller_id: CallerId, headers: &mut Headers) -> NameAddr {
    let is_withheld = caller.user == ANONYMOUS;
    let shown =
        NameAddr::new(SipUri::new(&caller.user, host.clone(), None)).with_display_name(&caller.display_name);
    if !is_withheld && caller_id != CallerId::From {
        headers.set(HeaderName::PAssertedIdentity, shown.to_string());
    }
    if is_withheld || caller_id == CallerId::Withheld {
        headers.set(HeaderName::Privacy, "id");
        let nobody = SipUri::new(ANONYMOUS, Host::Domain(ByteString::from_static(NOWHERE)), None);
        return NameAddr::new(nobody).with_display_name("Anonymous");
    }
    shown
}

/// Reads an INVITE, of a trunk by its configuration.
///
/// # Errors
/// From cannot be read.
pub fn read(invite: &Request, trunk: Option<&TrunkConfig>) -> Result<Reading, ParseError> {
    let from = invite.headers.from()?;
    let destination = invite.uri.as_sip().map(SipUri::dialled).unwrap_or_default().into_owned();
    let Some(trunk) = trunk else {
        return Ok(Reading { caller: party(&from), destination, device: None, passed: Passage::default() });
    };
    let mut caller = party(&from);
    if trunk.caller_id != CallerId::From {
        if let Some(asserted) = asserted(&invite.headers) {
            caller = asserted;
        }
        let wants = |word: &&str| ["id", "user", "header"].contains(word);
        let privacy = invite.headers.get(&HeaderName::Privacy).unwrap_or_default();
        if privacy.split(';').map(str::trim_ascii).any(|word| wants(&word)) {
            caller = Party { user: ANONYMOUS.to_owned(), display_name: String::new() };
        }
    }
    caller.user = rewrite(&trunk.rewrites, Subject::CallerIn, &caller.user);
    let destination = match trunk.user_of(&destination) {
        Some(user) => user.to_owned(),
        None => rewrite(&trunk.rewrites, Subject::CalledIn, &destination),
    };
    let passed = trunk.passing.incoming(&invite.headers);
    Ok(Reading { caller, destination, device: None, passed })
}

fn party(address: &NameAddr) -> Party {
    Party {
        user: address.uri.user_unescaped().unwrap_or_default().into_owned(),
        display_name: address.display_name.as_deref().unwrap_or_default().to_owned(),
    }
}

/// The first identity that has a number: of a `sip:` or a `tel:` URI (RFC 3325 9.1).
fn asserted(headers: &Headers) -> Option<Party> {
    headers.get_all(&HeaderName::PAssertedIdentity).find_map(|value| {
        // Two may stand in one field, a sip: and a tel: one; the first is enough.
        let first = NameAddr::parse(&ByteString::from(first_of(value))).ok()?;
        let mut party = party(&first);
        if let Uri::Other(text) = &first.uri {
            let number = text.strip_prefix("tel:")?;
            party.user = number.split(';').next().unwrap_or_default().to_owned();
        }
        (!party.user.is_empty()).then_some(party)
    })
}

/// What stands before the first comma outside of quotes and angle brackets.
fn first_of(value: &str) -> &str {
    let (mut is_quoted, mut is_escaped, mut depth) = (false, false, 0_u32);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'<' if !is_quoted => depth += 1,
            b'>' if !is_quoted => depth = depth.saturating_sub(1),
            b',' if !is_quoted && depth == 0 => return value[..at].trim_ascii(),
            _ => {}
        }
    }
    value.trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Message;

    fn party_of(user: &str, name: &str) -> Party {
        Party { user: user.into(), display_name: name.into() }
    }

    fn shown(caller: &Party, caller_id: CallerId) -> [String; 3] {
        let mut headers = Headers::new();
        let from = present(caller, &Host::V4([192, 0, 2, 1].into()), caller_id, &mut headers);
        let of = |name| headers.get(&name).unwrap_or_default().to_owned();
        [from.to_string(), of(HeaderName::PAssertedIdentity), of(HeaderName::Privacy)]
    }

    #[test]
    fn a_trunk_is_shown_who_calls_in_the_way_that_it_wants() {
        let ann = party_of("100", "Ann");
        let own = "\"Ann\" <sip:100@192.0.2.1>";
        let nobody = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
        assert_eq!(shown(&ann, CallerId::From), [own, "", ""]);
        assert_eq!(shown(&ann, CallerId::Asserted), [own, own, ""]);
        assert_eq!(shown(&ann, CallerId::Withheld), [nobody, own, "id"]);
        for caller_id in [CallerId::From, CallerId::Asserted, CallerId::Withheld] {
            assert_eq!(shown(&party_of(ANONYMOUS, ""), caller_id), [nobody, "", "id"], "{caller_id:?}");
        }
    }

    fn read_from(more: &str, caller_id: CallerId, rewrites: Vec<Rewrite>) -> (String, String, String) {
        let text = format!(
            "INVITE sip:%2B4930@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n\
             From: \"Ann\" <sip:100@a>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n{more}\r\n"
        );
        let Ok(Message::Request(invite)) = Message::parse(text.into()) else { panic!("well formed") };
        let trunk = TrunkConfig { caller_id, rewrites, ..TrunkConfig::new("t", "192.0.2.9") };
        let Reading { caller, destination, .. } = read(&invite, Some(&trunk)).expect("From can be read");
        (caller.user, caller.display_name, destination)
    }

    #[test]
    fn of_a_trunk_is_believed_what_its_configuration_says() {
        let asserted = "P-Asserted-Identity: \"B, \\\"C\\\"\" <sip:200@a>, <tel:+49>\r\n";
        for (more, caller_id, user, name) in [
            (asserted, CallerId::From, "100", "Ann"),
            (asserted, CallerId::Asserted, "200", "B, \"C\""),
            ("P-Asserted-Identity: <tel:+4930;ext=1>\r\n", CallerId::Withheld, "+4930", ""),
            ("P-Asserted-Identity: <sip:a>\r\n", CallerId::Asserted, "100", "Ann"),
            (
                "P-Asserted-Identity: <sip:200@a>\r\nPrivacy: critical; id\r\n",
                CallerId::Asserted,
                ANONYMOUS,
                "",
            ),
            ("Privacy: id\r\n", CallerId::From, "100", "Ann"),
            ("Privacy: none\r\n", CallerId::Asserted, "100", "Ann"),
            ("", CallerId::Asserted, "100", "Ann"),
        ] {
            let read = read_from(more, caller_id, Vec::new());
            assert_eq!((read.0.as_str(), read.1.as_str()), (user, name), "{more} {caller_id:?}");
        }
    }

    #[test]
    fn numbers_are_written_as_the_first_pattern_says_that_they_match() {
        let one = |subject, pattern: &str, to: &str| Rewrite::new(subject, pattern, to).expect("sound");
        let rewrites = vec![
            one(Subject::CalledOut, "00(.*)", "+$1"),
            one(Subject::CalledOut, "0(.*)", "+49$1"),
            one(Subject::CalledIn, "\\+49(.*)", "0$1"),
            one(Subject::CallerIn, "1.*", "x$0"),
        ];
        let out = |number| rewrite(&rewrites, Subject::CalledOut, number);
        assert_eq!([out("0041"), out("030"), out("110")], ["+41", "+4930", "110"]);
        assert_eq!(rewrite(&rewrites, Subject::CallerOut, "030"), "030");
        let read = read_from("", CallerId::From, rewrites);
        assert_eq!((read.0.as_str(), read.2.as_str()), ("x100", "030"));
    }
}
