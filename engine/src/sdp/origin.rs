//! The `o=` line (RFC 8866 5.2).

use std::fmt;

use super::address::Host;

/// Who made the description, and which revision of it this is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// A user name, `-` where there is none.
    pub username: String,
    /// Names the session; with the other fields but the version, world-wide.
    pub session_id: u64,
    /// Rises by one with each change (RFC 3264 8).
    pub version: u64,
    /// The host that the describer calls itself.
    pub host: Host,
}

impl Origin {
    /// Parses the value of an `o=` line. Blanks inside the user name, which some phones write, are kept.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
        let network = words.split_off(words.len().checked_sub(3)?).join(" ");
        let version = words.pop()?.parse().ok()?;
        let session_id = words.pop()?.parse().ok()?;
        let username = if words.is_empty() { "-".to_owned() } else { words.join(" ") };
        Some(Self { username, session_id, version, host: Host::parse_network(&network)? })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.username, self.session_id, self.version, self.host.network())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_of_many_makers_are_read() {
        for text in [
            "- 4611731400430051336 2 IN IP4 127.0.0.1",
            "mozilla...THIS_IS_SDPARTA-153.0 4611731400430051336 0 IN IP4 0.0.0.0",
            "user 53655765 2353687637 IN IP6 2001:db8::1",
            "Front desk 1 1 IN IP4 pbx.example.com",
        ] {
            assert_eq!(Origin::parse(text).expect("valid").to_string(), text);
        }
    }

    #[test]
    fn a_missing_user_name_becomes_a_dash() {
        assert_eq!(Origin::parse("1 2 IN IP4 192.0.2.1").expect("lenient").username, "-");
    }

    #[test]
    fn faulty_origins_are_refused() {
        for text in ["", "-", "- 1 IN IP4 192.0.2.1 x y", "- -1 1 IN IP4 192.0.2.1", "- 1 1 IN IP4 "] {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }
}
