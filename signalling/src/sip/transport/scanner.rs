//! Programs that try every address of the internet for something to break, and say who they are.
//!
//! Whoever is after this gateway calls itself something else. But most of what comes unasked is this, and each
//! answer that it gets is one reason more to come again.

/// What they say in User-Agent, in small letters: svmap and its kin, sippts, and what was seen on the internet under
/// names of its own.
pub(super) const SCANNERS: [&str; 10] = [
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipsak",
    "sundayddr",
    "iwar",
    "pplsip",
    "vaxsipuseragent",
];

/// Whether a message says to be of one of these, before it is parsed: what a User-Agent field holds is searched, with
/// the lines that go on with it.
pub(super) fn is_of_any(message: &[u8], names: &[String]) -> bool {
    if names.is_empty() {
        return false;
    }
    let mut is_inside = false;
    for line in lines(message) {
        let value = if line.first().is_some_and(|octet| matches!(octet, b' ' | b'\t')) {
            is_inside.then_some(line)
        } else {
            let value = value_of_user_agent(line);
            is_inside = value.is_some();
            value
        };
        if value.is_some_and(|value| names.iter().any(|name| holds(value, name.as_bytes()))) {
            return true;
        }
    }
    false
}

/// The lines of the header, without their ends.
fn lines(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let trimmed = message.split(|octet| *octet == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    trimmed.skip(1).take_while(|line| !line.is_empty())
}

/// A name may have white space before its colon (RFC 3261 25.1).
fn value_of_user_agent(line: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"user-agent";
    let (name, rest) = line.split_at_checked(NAME.len())?;
    let value = rest.trim_ascii_start().strip_prefix(b":")?;
    name.eq_ignore_ascii_case(NAME).then_some(value)
}

/// Whether a text holds a name, which is in small letters.
fn holds(text: &[u8], name: &[u8]) -> bool {
    !name.is_empty() && text.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_scanner(fields: &str) -> bool {
        let names: Vec<_> = SCANNERS.iter().map(|name| (*name).to_owned()).collect();
        let message = format!("INVITE sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n{fields}\r\n\r\nsipvicious");
        is_of_any(message.as_bytes(), &names)
    }

    #[test]
    fn a_scanner_is_known_by_its_user_agent_however_that_is_written() {
        for written in [
            "User-Agent: friendly-scanner",
            "user-agent:SIPVicious 0.3",
            "USER-AGENT \t: my sipcli/v1.8",
            "User-Agent: something\r\n else, sundayddr",
            "User-Agent: fine\r\nUser-Agent: pplsip",
        ] {
            assert!(is_scanner(written), "{written}");
        }
    }

    #[test]
    fn what_only_speaks_of_scanners_is_none() {
        for written in [
            "User-Agent: Linphone/5.1",
            "Subject: sipvicious was here",
            "X-User-Agent: sipcli",
            "User-Agent: fine\r\nSubject: about\r\n sipcli",
            "User-Agents: sipcli",
        ] {
            assert!(!is_scanner(written), "{written}");
        }
        assert!(!is_of_any(b"", &["sipcli".to_owned()]) && !is_of_any(b"User-Agent: sipcli", &[]));
    }
}
