//! `[hep]`: where copies of SIP messages are sent, for a capture server such as Homer.

use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;
use super::secret::{Environment, Secret, SecretSource, fetch};

/// A collector of HEP version 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HepConfig {
    /// `host:port`, over UDP.
    pub collector: String,
    /// What tells us from others that send to it.
    pub capture_id: u32,
    /// What proves us to it.
    pub password: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HepSection {
    collector: Spanned<String>,
    capture_id: Option<u32>,
    password: Option<Spanned<SecretSource>>,
}

/// What Homer's own agents begin with.
const CAPTURE_ID: u32 = 2001;

/// The longest password, in octets. Chosen by us: it goes with each message, in one datagram.
const PASSWORD_MAX: usize = 1024;

/// The cure for a bad address.
const COLLECTOR_CURE: &str = "write host:port, such as \"homer.example:9060\" or \"[2001:db8::5]:9060\"";

impl HepSection {
    pub(super) fn has_inline_secret(&self) -> bool {
        self.password.as_ref().is_some_and(|password| password.get_ref().is_inline())
    }

    pub(super) fn check(
        &self,
        is_traced: bool,
        environment: Environment<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<HepConfig> {
        let collector = self.collector.get_ref();
        if !is_address(collector) {
            faults.add(self.collector.span(), "is no host with a port", COLLECTOR_CURE);
        }
        if !is_traced {
            let cure = "take enabled = false out of [trace], or take [hep] out";
            faults.add(self.collector.span(), "gets nothing, for [trace] is not enabled", cure);
        }
        let password = match &self.password {
            Some(source) => {
                let password = fetch(source, environment, faults)?;
                if password.expose().len() > PASSWORD_MAX {
                    faults.add(
                        source.span(),
                        "is longer than a collector takes",
                        "write 1024 octets at most",
                    );
                }
                Some(password)
            }
            None => None,
        };
        let capture_id = self.capture_id.unwrap_or(CAPTURE_ID);
        Some(HepConfig { collector: collector.clone(), capture_id, password })
    }
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match is_v6 {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty() && host.chars().all(|char| char.is_ascii_alphanumeric() || "-._".contains(char))
        }
    };
    is_host && port.parse::<u16>().is_ok_and(|port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const LISTENER: &str = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n";

    fn parse(text: &str) -> Result<Option<HepConfig>, String> {
        let parsed = Config::parse("w.toml", &format!("{LISTENER}{text}"));
        parsed.map(|config| config.hep).map_err(|error| error.to_string())
    }

    #[test]
    fn a_collector_is_a_host_with_a_port() {
        assert_eq!(parse(""), Ok(None));
        for collector in ["homer.example:9060", "192.0.2.5:9060", "[2001:db8::5]:9060"] {
            let made = parse(&format!("[hep]\ncollector = \"{collector}\"\n")).expect(collector);
            let expected = HepConfig { collector: collector.to_owned(), capture_id: 2001, password: None };
            assert_eq!(made, Some(expected));
        }
        for wrong in ["homer.example", "2001:db8::5", ":9060", "homer:0", "http://homer:9060", ""] {
            let error = parse(&format!("[hep]\ncollector = \"{wrong}\"\n")).expect_err(wrong);
            assert!(
                error.contains("w.toml:5: hep.collector") && error.contains("write host:port"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_password_is_a_secret_and_nothing_is_sent_of_what_is_not_traced() {
        let text = "[hep]\ncollector = \"h:1\"\npassword = \"s3cr3t\"\ncapture_id = 7\n";
        let made = parse(text).expect("sound").expect("it is there");
        assert_eq!((made.capture_id, made.password.as_ref().map(Secret::expose)), (7, Some("s3cr3t")));
        assert!(!format!("{made:?}").contains("s3cr3t"));
        let long =
            |octets| parse(&format!("[hep]\ncollector = \"h:1\"\npassword = \"{}\"\n", "x".repeat(octets)));
        assert!(long(1024).is_ok());
        let error = long(1025).expect_err("too long");
        assert!(error.contains("hep.password") && !error.contains("xxx"), "{error}");
        let error = parse("[trace]\nenabled = false\n[hep]\ncollector = \"h:1\"\n").expect_err("no trace");
        assert!(error.contains("[trace] is not enabled"), "{error}");
    }
}
