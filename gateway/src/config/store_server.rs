//! `store.url`: the store in a PostgreSQL database.

use std::net::IpAddr;

use toml::Spanned;
use url::Url;

use super::faults::Faults;
use super::secret::Secret;
use super::store::StoreSection;
use crate::files;
use crate::store::StoreServer;

/// The cure for a bad address.
const URL_CURE: &str = "write \"postgres://USER@HOST:PORT/DATABASE\", or %2Frun%2Fpostgresql for HOST where it listens on a socket there";

/// Checks the address of a database and what goes with it.
pub(super) fn check(
    section: &StoreSection,
    written: &Spanned<String>,
    password: Option<Secret>,
    faults: &mut Faults<'_>,
) -> Option<StoreServer> {
    let url = faults.parse::<Url>(written, URL_CURE)?;
    let host = url.host_str().unwrap_or_default();
    if url.password().is_some() {
        // Not at its place, where it would be shown.
        let cure = "write it as store.password = { file = \"PATH\" } or { env = \"NAME\" }";
        faults.add_to_file("store.url holds a password, which whoever reads the address reads too", cure);
        return None;
    }
    let problem = match () {
        () if !matches!(url.scheme(), "postgres" | "postgresql") => "is no address of a PostgreSQL database",
        () if host.is_empty() => "names no host",
        () if url.username().is_empty() => "names no user",
        () if url.path().len() < 2 || url.path()[1..].contains('/') => "names no database",
        () if url.query().is_some() || url.fragment().is_some() => "has something behind the database's name",
        () => "",
    };
    if !problem.is_empty() {
        faults.add(written.span(), problem, URL_CURE);
        return None;
    }
    let trusted_certificates = match &section.trusted_certificates {
        None => None,
        Some(named) => {
            let path = faults.read_from(named.span(), named.get_ref());
            match files::read_text(&path) {
                Ok(text) if text.contains("BEGIN CERTIFICATE") => Some(path),
                Ok(_) => {
                    let cure = "name a PEM file of certificate authorities, or leave it out";
                    faults.add(named.span(), "holds no certificate", cure);
                    return None;
                }
                Err(error) => {
                    let cure = "correct the path, or the file's permissions";
                    faults.add(named.span(), format!("cannot be read: {error}"), cure);
                    return None;
                }
            }
        }
    };
    let is_encrypted = !is_on_machine(host) || trusted_certificates.is_some();
    Some(StoreServer { url, password, trusted_certificates, is_encrypted })
}

/// Whether what is said to this host leaves the machine nowhere: a socket's folder, or loopback.
fn is_on_machine(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.starts_with("%2F")
        || host.starts_with("%2f")
        || host == "localhost"
        || ip.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::{Config, StoreConfig};
    use crate::store::StorePlace;

    const START: &str = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n[store]\n";

    fn parse(lines: &str) -> Result<StoreConfig, String> {
        let parsed = Config::parse("w.toml", &format!("{START}{lines}\n"));
        parsed.map(|config| config.store.expect("it is there")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_database_elsewhere_is_spoken_to_over_tls_alone() {
        for (host, is_encrypted) in [
            ("127.0.0.1", false),
            ("[::1]:5433", false),
            ("localhost", false),
            ("%2Frun%2Fpostgresql", false),
            ("192.0.2.7", true),
            ("db.example:5433", true),
            ("127.0.0.1.example", true),
        ] {
            let made = parse(&format!("url = \"postgres://gate@{host}/webtrunk\"")).expect(host);
            let StorePlace::Server(server) = made.place else { panic!("it is one") };
            assert_eq!(server.is_encrypted, is_encrypted, "{host}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_told_with_its_cure_and_a_password_is_shown_nowhere() {
        for (lines, told) in [
            ("url = \"mysql://gate@db/webtrunk\"", "store.url = \"mysql://gate@db/webtrunk\": is no address"),
            ("url = \"postgres:///webtrunk\"", "names no host; write \"postgres://USER@HOST:PORT/DATABASE\""),
            ("url = \"postgres://db/webtrunk\"", "names no user"),
            ("url = \"postgres://gate@db\"", "names no database"),
            ("url = \"postgres://gate@db/w?sslmode=disable\"", "has something behind the database's name"),
            ("url = \"db\"", "store.url = \"db\": relative URL without a base; write \"postgres://"),
            (
                "path = \"w.db\"\nurl = \"postgres://gate@db/w\"",
                "store.path = \"w.db\": the store is in one place",
            ),
            ("path = \"w.db\"\npassword = \"open sesame\"", "store.password: is for a store at url"),
            ("", "[store] does not say where the store is; add path"),
            ("url = \"postgres://gate@db/w\"\ntrusted_certificates = \"none.pem\"", "cannot be read"),
        ] {
            let error = parse(lines).expect_err(lines);
            assert!(error.contains(told) && !error.contains("sesame"), "{lines}: {error}");
        }
        let error = parse("url = \"postgres://gate:sesame@db/w\"").expect_err("a password");
        assert!(
            error.contains("store.url holds a password") && error.contains("store.password = "),
            "{error}"
        );
        assert!(!error.contains("sesame"), "{error}");
        let made = parse("url = \"postgres://gate@db/w\"\npassword = \"open sesame\"").expect("sound");
        assert!(!format!("{made:?} {}", made.place).contains("sesame"), "{made:?}");
    }
}
