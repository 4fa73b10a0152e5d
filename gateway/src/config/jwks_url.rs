//! `token_keys[].jwks_url`: a set of public keys that an identity provider has at a server of its own.

use std::hash::DefaultHasher;
use std::net::IpAddr;

use toml::Spanned;
use url::Url;
use webtrunk_engine::net::Network;
use webtrunk_signalling::auth::token::FetchedKeys;

use super::faults::Faults;
use super::http::SYSTEM_AUTHORITIES;
use super::target::{Authorities, Target, forbidden};

/// A set of keys, and where it is fetched.
#[derive(Debug, Clone)]
pub struct JwksSource {
    /// The key that it is.
    pub id: String,
    /// Where it is.
    pub target: Target,
    /// Addresses that the server may have besides public ones.
    pub networks: Vec<Network>,
    /// By whom its certificate is vouched for; `None` on this machine, where it is asked without TLS.
    pub authorities: Option<Authorities>,
    /// What is there.
    pub set: FetchedKeys,
}

/// What is written of it.
pub(super) struct Written<'s> {
    pub(super) id: &'s Spanned<String>,
    pub(super) url: &'s Spanned<String>,
    pub(super) networks: &'s [Spanned<String>],
    pub(super) trusted_certificates: Option<&'s Spanned<String>>,
}

const URL_CURE: &str = "write one such as \"https://login.example/.well-known/jwks.json\"";

impl JwksSource {
    /// Whether it is the same server, asked for the same set in the same way.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let Self { id, target, networks, authorities, set: _ } = self;
        (id, target, networks, authorities) == (&other.id, &other.target, &other.networks, &other.authorities)
    }

    /// What differs where it is asked in another way and its file of keys says the same.
    pub(super) fn note_in(&self, fingerprint: &mut DefaultHasher) {
        self.authorities.iter().for_each(|own| own.note_in(fingerprint));
    }
}

impl Written<'_> {
    /// `own` are the gateway's addresses.
    pub(super) fn check(&self, own: &[IpAddr], faults: &mut Faults<'_>) -> Option<JwksSource> {
        let mut networks = faults.parse_all(self.networks, super::NETWORK_CURE);
        let url = self.url(faults)?;
        let Some((target, literal)) = Target::of(&url) else {
            faults.add(self.url.span(), "names no host", URL_CURE);
            return None;
        };
        let authorities = match (url.scheme(), literal) {
            ("https", literal) => {
                if let Some(problem) = forbidden(literal, &networks, own) {
                    let cure = "add it to jwks_networks, if the provider is meant to be there";
                    faults.add(self.url.span(), problem, cure);
                }
                Some(self.authorities(faults)?)
            }
            // Nobody is on the way.
            ("http", Some(ip)) if ip.to_canonical().is_loopback() => {
                if let Some(written) = self.trusted_certificates {
                    let cure = "take it out, or write \"https\" in jwks_url";
                    faults.add(written.span(), "vouches for nobody where jwks_url is of \"http\"", cure);
                }
                networks.push(Network::host(ip));
                None
            }
            ("http", _) => {
                let problem = "would have keys fetched in the clear, for others to change";
                faults.add(
                    self.url.span(),
                    problem,
                    "write \"https\"; \"http\" is for 127.0.0.1 and [::1] alone",
                );
                return None;
            }
            _ => {
                faults.add(self.url.span(), "is neither of \"https\" nor of \"http\"", URL_CURE);
                return None;
            }
        };
        Some(JwksSource {
            id: self.id.get_ref().clone(),
            target,
            networks,
            authorities,
            set: FetchedKeys::default(),
        })
    }

    fn url(&self, faults: &mut Faults<'_>) -> Option<Url> {
        let url = Url::parse(self.url.get_ref());
        let has_user = match &url {
            Ok(url) if url.has_host() => !url.username().is_empty() || url.password().is_some(),
            _ => self.url.get_ref().contains('@'),
        };
        // Not where it stands, for it would be shown.
        if has_user {
            let problem = "has a jwks_url with a user in it, which nobody is shown";
            faults.add(self.id.span(), problem, "take it out: a set of public keys is everybody's");
            return None;
        }
        let Ok(url) = url else {
            faults.add(self.url.span(), "is no URL", URL_CURE);
            return None;
        };
        if url.fragment().is_some() {
            faults.add(self.url.span(), "has a fragment, which no server is sent", "take it out, with its #");
            return None;
        }
        Some(url)
    }

    fn authorities(&self, faults: &mut Faults<'_>) -> Option<Authorities> {
        let (span, file) = match self.trusted_certificates {
            Some(written) => (written.span(), faults.document().resolve(written.get_ref())),
            None => (self.url.span(), SYSTEM_AUTHORITIES.into()),
        };
        let cure = "name a PEM file of certificate authorities in trusted_certificates";
        Authorities::read(file).map_err(|error| faults.add(span, error, cure)).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::path::Path;

    use super::super::document::Document;
    use super::super::token_keys;
    use super::*;

    /// By which others reach the gateway.
    const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1));

    /// Sets that a file of one key names, or all that is wrong.
    fn sources(lines: &str) -> Result<Vec<JwksSource>, String> {
        let text =
            format!("[[token_keys]]\nid = \"idp\"\nkind = \"jwks\"\naudience = \"phone.example\"\n{lines}\n");
        let read = token_keys::check(&Document::new(Path::new("k.toml"), text), None, &[OWN], &|_| None);
        read.map(|keys| keys.sources).map_err(|error| error.to_string())
    }

    #[test]
    fn a_set_is_fetched_over_tls_and_on_this_machine_without() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let file = folder.path().join("own.pem");
        let made = rcgen::generate_simple_self_signed(vec!["login.example".to_owned()]).expect("one");
        std::fs::write(&file, made.cert.pem()).expect("the folder is ours");
        let with = |url: &str, more: &str| {
            let lines = format!("jwks_url = \"{url}\"\ntrusted_certificates = {file:?}\n{more}");
            sources(&lines).unwrap_or_else(|error| panic!("{error}")).remove(0)
        };
        let one = with("https://login.example/keys?v=1", "");
        let Target { host, port, path, .. } = &one.target;
        assert_eq!((host.as_str(), *port, path.as_str()), ("login.example", 443, "/keys?v=1"));
        assert!(one.authorities.is_some() && one.networks.is_empty() && one.set.keys().is_none());
        assert!(one.is_same(&with("https://login.example/keys?v=1", "")));
        assert!(!one.is_same(&with("https://login.example/keys?v=2", "")));
        assert!(!one.is_same(&with("https://login.example/keys?v=1", "jwks_networks = [\"10.0.0.0/8\"]")));
        with("https://10.0.0.7/keys", "jwks_networks = [\"10.0.0.0/8\"]");
        with("https://1.0.0.1/keys", "");
        with("https://1.1.1.1/keys", "jwks_networks = [\"1.1.1.1\"]");

        for (url, host) in [("http://127.0.0.1:8080/keys", "127.0.0.1"), ("http://[::1]:8080/keys", "::1")] {
            let made = sources(&format!("jwks_url = \"{url}\"")).expect(url);
            let [one] = &made[..] else { panic!("{url}") };
            assert_eq!((one.target.host.as_str(), one.target.port), (host, 8080));
            assert!(one.authorities.is_none());
            assert_eq!(one.networks, [host.parse::<Network>().expect("an address")]);
        }
    }

    #[test]
    fn what_anybody_may_change_or_nobody_is_to_be_asked_for_is_told_with_its_cure() {
        for (lines, told) in [
            (
                "jwks_url = \"http://login.example/keys\"",
                "token_keys[0].jwks_url = \"http://login.example/keys\": would have keys fetched in the clear, for others \
                 to change; write \"https\"; \"http\" is for 127.0.0.1 and [::1] alone",
            ),
            ("jwks_url = \"http://localhost/keys\"", "would have keys fetched in the clear"),
            ("jwks_url = \"http://10.0.0.7/keys\"", "would have keys fetched in the clear"),
            (
                "jwks_url = \"https://169.254.169.254/keys\"",
                "is at no public address; add it to jwks_networks",
            ),
            ("jwks_url = \"https://127.0.0.1/keys\"", "is at no public address"),
            (
                "jwks_url = \"https://1.1.1.1/keys\"",
                "is at an address of the gateway's own; add it to jwks_networks",
            ),
            ("jwks_url = \"ftp://login.example/keys\"", "is neither of \"https\" nor of \"http\""),
            (
                "jwks_url = \"keys.json\"",
                "token_keys[0].jwks_url = \"keys.json\": is no URL; write one such as",
            ),
            ("jwks_url = \"https://login.example/#keys\"", "has a fragment"),
            (
                "jwks_url = \"https://bob:opensesame@login.example/\"",
                "token_keys[0].id = \"idp\": has a jwks_url with a user in it",
            ),
            ("jwks_url = \"bob:opensesame@login.example\"", "has a jwks_url with a user in it"),
            (
                "jwks = \"keys.json\"\njwks_url = \"http://127.0.0.1/keys\"",
                "is there beside jwks; take one of the two out",
            ),
            (
                "jwks_url = \"http://127.0.0.1/\"\ntrusted_certificates = \"own.pem\"",
                "vouches for nobody where jwks_url is of \"http\"",
            ),
            ("jwks = \"keys.json\"\njwks_networks = [\"10.0.0.0/8\"]", "does nothing without jwks_url"),
            ("", "has no jwks; add jwks, the path of a file, or jwks_url"),
        ] {
            let error = sources(lines).expect_err(lines);
            assert!(error.contains(told), "{lines}: {error}");
            assert!(!error.contains("opensesame"), "{error}");
        }
        let key = "[[token_keys]]\nid = \"k\"\nkind = \"hs256\"\nsecret = \"a secret of more than thirty-two octets\"\n\
                   audience = \"a\"\njwks_url = \"http://127.0.0.1/\"\n";
        let document = Document::new(Path::new("k.toml"), key.to_owned());
        let error = token_keys::check(&document, None, &[], &|_| None);
        let error = error.expect_err("it is of another kind").to_string();
        assert!(error.contains("keys of this kind have no jwks_url"), "{error}");
    }
}
