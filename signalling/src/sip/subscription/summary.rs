//! `application/simple-message-summary` (RFC 3842 5.2): whether messages wait, as a trunk tells it.

use std::fmt;
use std::fmt::Write as _;

/// What is known of a mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mailbox {
    is_waiting: bool,
    /// `Voice-Message: 2/8 (0/2)` and its like, as told.
    counts: Vec<String>,
}

/// Kinds of messages that are told of: RFC 3842 5.2 has six.
const COUNTS_MAX: usize = 6;

/// The longest count that is believed: four numbers of ten digits and what stands between.
const COUNT_MAX: usize = 64;

impl Mailbox {
    /// Reads what a trunk tells; `None` where it does not say whether messages wait. Whose account it is stays with us.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let mut is_waiting = None;
        let mut counts = Vec::new();
        for line in text.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("Messages-Waiting") {
                is_waiting = match value.to_ascii_lowercase().as_str() {
                    "yes" => Some(true),
                    "no" => Some(false),
                    _ => None,
                };
            } else if let Some(kind) = KINDS.iter().find(|kind| name.eq_ignore_ascii_case(kind))
                && value.len() <= COUNT_MAX
                && value.bytes().all(|byte| byte.is_ascii_digit() || b"/() ".contains(&byte))
                && counts.len() < COUNTS_MAX
            {
                counts.push(format!("{kind}: {value}"));
            }
        }
        Some(Self { is_waiting: is_waiting?, counts })
    }
}

/// RFC 3842 5.2.
const KINDS: [&str; 6] =
    ["Voice-Message", "Fax-Message", "Pager-Message", "Multimedia-Message", "Text-Message", "None"];

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("Messages-Waiting: {}\r\n", if self.is_waiting { "yes" } else { "no" });
        for count in &self.counts {
            write!(text, "{count}\r\n")?;
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_trunk_tells_is_read_and_told_without_what_is_its_own() {
        let told =
            b"messages-waiting: Yes\r\nMessage-Account: sip:secret@pbx\r\nVoice-Message: 2/8 (0/2)\r\n\
            Fax-Message: 1/<x>\r\nX-Other: 1\r\n\r\nTo: <bob>\r\n";
        let mailbox = Mailbox::parse(told).expect("it says whether messages wait");
        assert_eq!(mailbox.to_string(), "Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n");
        assert_eq!(Mailbox::parse(mailbox.to_string().as_bytes()), Some(mailbox));
        for body in [&b"Voice-Message: 1/0"[..], b"Messages-Waiting: perhaps", b"", b"\xff"] {
            assert_eq!(Mailbox::parse(body), None);
        }
        assert_eq!(Mailbox::default().to_string(), "Messages-Waiting: no\r\n");
    }

    #[test]
    fn however_much_is_told_little_is_kept() {
        let told = "Messages-Waiting: no\r\n".to_owned() + &"Voice-Message: 1/1\r\n".repeat(1000);
        assert!(Mailbox::parse(told.as_bytes()).is_some_and(|mailbox| mailbox.counts.len() == COUNTS_MAX));
    }
}
