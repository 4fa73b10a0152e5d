//! A message that a scenario of SIPp sends: what of it says something of the call.

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) start: Start,
    /// Names in small letters; lines that are nothing but a keyword have none.
    headers: Vec<(String, String)>,
    /// Its lines.
    pub(super) body: Vec<String>,
    /// The keyword that stands for an answer to a challenge.
    authentication: Option<String>,
}

/// What it begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    Request {
        method: String,
        uri: String,
    },
    /// The status.
    Response(u16),
}

/// The address in a URI or a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address<'t> {
    pub(super) user: Option<&'t str>,
    /// Without its port.
    pub(super) host: &'t str,
}

/// Who answers a challenge, as far as it is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

/// Headers that are written by whoever sends; others say something that ours do not.
const OWN_HEADERS: &[&str] = &[
    "accept",
    "allow",
    "allow-events",
    "authorization",
    "call-id",
    "contact",
    "content-length",
    "content-type",
    "cseq",
    "expires",
    "from",
    "max-forwards",
    "proxy-authorization",
    "rack",
    "refer-to",
    "referred-by",
    "route",
    "subject",
    "supported",
    "timestamp",
    "to",
    "user-agent",
    "via",
];

/// Compact names (RFC 3261 7.3.3, RFC 3515 2.1).
const COMPACT: &[(&str, &str)] = &[
    ("c", "content-type"),
    ("f", "from"),
    ("i", "call-id"),
    ("k", "supported"),
    ("l", "content-length"),
    ("m", "contact"),
    ("r", "refer-to"),
    ("s", "subject"),
    ("t", "to"),
    ("v", "via"),
];

const AUTHENTICATION: &str = "[authentication";

impl Message {
    /// Reads a message whose lines may be indented; `None` where it begins as none does.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim).skip_while(|line| line.is_empty());
        let start = Start::parse(lines.next()?)?;
        let headers = lines.by_ref().take_while(|line| !line.is_empty()).map(header).collect();
        let body = lines.map(str::to_owned).collect();
        let authentication = text.split_once(AUTHENTICATION).map(|(_, rest)| {
            let end = rest.find(']').unwrap_or(rest.len());
            rest[..end].to_owned()
        });
        Some(Self { start, headers, body, authentication })
    }

    /// The first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The names of headers that ours do not send.
    pub(super) fn unusual_headers(&self) -> impl Iterator<Item = &str> {
        let names = self.headers.iter().map(|(name, _)| name.as_str());
        names.filter(|name| !name.is_empty() && !OWN_HEADERS.contains(name))
    }

    /// Who answers a challenge, where it does.
    pub(super) fn login(&self) -> Option<Login> {
        let words = self.authentication.as_ref()?.split_whitespace().filter_map(|word| word.split_once('='));
        let mut login = Login::default();
        for (name, value) in words {
            let value = Some(value.trim_matches('"').to_owned());
            match name {
                "username" => login.user = value,
                "password" => login.password = value,
                _ => {}
            }
        }
        Some(login)
    }
}

impl Start {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (first, second) = (words.next()?, words.next()?);
        if first.starts_with("SIP/") {
            return Some(Self::Response(second.parse().ok()?));
        }
        Some(Self::Request { method: first.to_owned(), uri: second.to_owned() })
    }
}

impl<'t> Address<'t> {
    /// The first URI in a text.
    pub(super) fn find(text: &'t str) -> Option<Self> {
        let rest = ["sip:", "sips:", "tel:"].iter().find_map(|scheme| text.split_once(*scheme))?.1;
        let whole = rest.split(['>', ' ', '\t', '"']).next()?;
        let bare = |part: &'t str| part.split([';', '?']).next().unwrap_or(part);
        // A number has parameters of its own, before its host (RFC 3261 19.1.6).
        let (user, host) = match whole.split_once('@') {
            Some((user, host)) => (Some(bare(user)), bare(host)),
            // A number at nobody's.
            None if text.contains("tel:") => (Some(bare(whole)), ""),
            None => (None, bare(whole)),
        };
        // Whatever stands in keywords is no port.
        let host = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or(host) };
        Some(Self { user: user.filter(|user| !user.is_empty()), host })
    }

    /// Its host, where that is a name.
    pub(super) fn domain(&self) -> Option<&'t str> {
        let is_name = !self.host.is_empty() && !self.host.contains('[');
        Some(self.host).filter(|host| is_name && host.parse::<std::net::IpAddr>().is_err())
    }
}

fn header(line: &str) -> (String, String) {
    match line.split_once(':') {
        Some((name, value)) if !name.starts_with('[') => {
            let name = name.trim().to_lowercase();
            let long =
                COMPACT.iter().find(|(compact, _)| *compact == name).map(|(_, long)| (*long).to_owned());
            (long.unwrap_or(name), value.trim().to_owned())
        }
        _ => (String::new(), line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "\n      INVITE sip:100@[remote_ip]:[remote_port] SIP/2.0\n      Via: SIP/2.0/[transport] \
                          [local_ip]\n      f: \"A\" <sip:alice@example.com:5070;x=y>;tag=1\n      X-Colour: red\n      \
                          [authentication username=alice password=\"hush\"]\n      [routes]\n\n      v=0\n      s=-\n";

    #[test]
    fn what_it_says_of_the_call_is_found() {
        let message = Message::parse(INVITE).expect("a request");
        let Start::Request { method, uri } = &message.start else { panic!("a request") };
        assert_eq!((method.as_str(), uri.as_str()), ("INVITE", "sip:100@[remote_ip]:[remote_port]"));
        let from = Address::find(message.header("from").expect("a header")).expect("an address");
        assert_eq!(
            (from.user, from.host, from.domain()),
            (Some("alice"), "example.com", Some("example.com"))
        );
        assert_eq!(message.unusual_headers().collect::<Vec<_>>(), ["x-colour"]);
        let (user, password) = (Some("alice".to_owned()), Some("hush".to_owned()));
        assert_eq!(message.login(), Some(Login { user, password }));
        assert_eq!(message.body, ["v=0", "s=-"]);
    }

    #[test]
    fn addresses_have_users_or_none() {
        for (text, user, domain) in [
            ("sip:100@[remote_ip]:[remote_port]", Some("100"), None),
            ("<sips:bob@192.0.2.1:5061>", Some("bob"), None),
            ("sip:example.com;lr", None, Some("example.com")),
            ("tel:+4930", Some("+4930"), None),
            ("sip:+4930;phone-context=x@example.com;user=phone", Some("+4930"), Some("example.com")),
            ("sip:bob@example.com;x=a@b", Some("bob"), Some("example.com")),
        ] {
            let address = Address::find(text).expect("one");
            assert_eq!((address.user, address.domain()), (user, domain), "{text}");
        }
        assert_eq!(Address::find("[next_url]"), None);
    }

    #[test]
    fn responses_have_a_status_and_other_texts_are_none() {
        assert_eq!(Message::parse("SIP/2.0 180 Ringing\n").map(|it| it.start), Some(Start::Response(180)));
        assert_eq!(Message::parse("\n \n"), None);
        assert_eq!(Message::parse("[last_Via:]"), None);
    }
}
