//! `[admin]`: the interface for operators, on this machine alone.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;
use super::http::HttpConfig;
use super::listener::clash;
use super::secret::{Environment, Secret, SecretSource, fetch};
use super::store::StoreConfig;
use crate::files;

/// A token and the end of its line, in octets: 256 bits in Base64.
const TOKEN_LENGTH: u64 = 44;

/// The interface for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where it listens: an address of loopback.
    pub bind: SocketAddr,
    /// Where its token is written at each start.
    pub token_file: PathBuf,
    /// What lets its holder read the figures, and nothing else, over any number of starts.
    pub metrics_token: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdminSection {
    bind: Option<Spanned<String>>,
    token_file: Option<Spanned<String>>,
    metrics_token: Option<Spanned<SecretSource>>,
}

/// A shorter token could be guessed. Chosen by us: 96 bits in Base64.
const TOKEN_MIN: usize = 16;

/// Where it listens if nobody says. Chosen by us: no well-known service has the port.
const BIND: &str = "127.0.0.1:9650";

/// The token's name where nobody says where it is kept: beside the store, or else in the folder that systemd makes for
/// a service (RuntimeDirectory=webtrunk).
const TOKEN_NAME: &str = "admin-token";
const RUNTIME_FOLDER: &str = "/run/webtrunk";

/// The cure for a bad address.
const BIND_CURE: &str =
    "write an address of loopback with a port, such as \"127.0.0.1:9650\"; whoever is elsewhere comes by SSH";

impl AdminSection {
    pub(super) fn has_inline_secret(&self) -> bool {
        self.metrics_token.as_ref().is_some_and(|token| token.get_ref().is_inline())
    }

    pub(super) fn check(
        &self,
        store: Option<&StoreConfig>,
        environment: Environment<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<AdminConfig> {
        let bind = match &self.bind {
            None => BIND.parse().ok(),
            Some(written) => faults.parse::<SocketAddr>(written, BIND_CURE).filter(|bind| {
                let problem = match bind {
                    _ if !bind.ip().is_loopback() => "is reached from other machines",
                    _ if bind.port() == 0 => "names no port at which the command line could find it",
                    _ => return true,
                };
                faults.add(written.span(), problem, BIND_CURE);
                false
            }),
        };
        let token_file = match &self.token_file {
            None => {
                let path = usual_token_file(store.and_then(|store| store.place.file()));
                faults.write_to(0..0, path.clone());
                path
            }
            Some(written) => {
                let path = faults.document().resolve(written.get_ref());
                if let Err(error) = files::try_folder_of(&path) {
                    let cure = "name a file in a folder that is there and that the gateway may write to";
                    faults.add(written.span(), format!("cannot be written: {error}"), cure);
                } else if let Err(error) = check_token_file(&path) {
                    let cure = "name a file that is not there yet, or the one that the gateway made";
                    faults.add(written.span(), error, cure);
                }
                faults.write_to(written.span(), path.clone());
                path
            }
        };
        let metrics_token = match &self.metrics_token {
            Some(source) => Some(self.check_token(source, environment, faults)?),
            None => None,
        };
        Some(AdminConfig { bind: bind?, token_file, metrics_token })
    }

    /// Notes a port that the HTTP server has, whose address stands at `http_span`. Of the two the one is named that is written.
    pub(super) fn check_port(
        &self,
        bind: SocketAddr,
        http: &HttpConfig,
        http_span: Range<usize>,
        faults: &mut Faults<'_>,
    ) {
        if clash(http.bind, bind) {
            let (span, other) = match &self.bind {
                Some(written) => (written.span(), "http.bind"),
                None => (http_span, "admin.bind"),
            };
            faults.add(span, format!("{other} has this port too"), "take another port for one of them");
        }
    }

    fn check_token(
        &self,
        source: &Spanned<SecretSource>,
        environment: Environment<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<Secret> {
        let token = fetch(source, environment, faults)?;
        if token.expose().len() < TOKEN_MIN || !token.expose().chars().all(|char| char.is_ascii_graphic()) {
            let cure = "take one by chance, such as that of: openssl rand -hex 32";
            faults.add(source.span(), "is no token of 16 characters or more without spaces", cure);
        }
        Some(token)
    }
}

/// Whether a token may be written there: in the place of another, or of nothing.
///
/// # Errors
/// Those of the system, and [`io::ErrorKind::InvalidData`] where something else is in the file.
pub(crate) fn check_token_file(path: &Path) -> io::Result<()> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    let is_token = || {
        let text = files::read_text(path)?;
        let is_of_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        io::Result::Ok(text.strip_suffix('\n').is_some_and(|token| token.bytes().all(is_of_base64)))
    };
    match metadata.len() {
        0 if metadata.is_file() => Ok(()),
        TOKEN_LENGTH if metadata.is_file() && is_token()? => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "is there, and no token, which would take its place",
        )),
    }
}

fn usual_token_file(store: Option<&Path>) -> PathBuf {
    match store {
        Some(store) => store.with_file_name(TOKEN_NAME),
        None => Path::new(RUNTIME_FOLDER).join(TOKEN_NAME),
    }
}

/// The file does not say how a gateway is asked that was started with it.
#[derive(Debug, thiserror::Error)]
pub enum NoAdmin {
    /// It cannot be read.
    #[error("{}: cannot be read: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What has to be known is not written as it should be.
    #[error("{}: {source}", .file.display())]
    Unclear {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: toml::de::Error,
    },
    /// It has no such section.
    #[error("{}: has no [admin], so a gateway with it cannot be asked; add [admin] and start it anew", .0.display())]
    Missing(PathBuf),
    /// The address is none.
    #[error("{}: admin.bind = {bind:?} is no address with a port; {BIND_CURE}", .file.display())]
    Address {
        /// The file.
        file: PathBuf,
        /// As written.
        bind: String,
    },
}

impl AdminConfig {
    /// How a gateway is asked that was started with this file. Nothing else of it is looked at: it may have been changed
    /// since, and be faulty by now.
    ///
    /// # Errors
    /// [`NoAdmin`].
    pub fn of_running(file: &Path) -> Result<Self, NoAdmin> {
        let unreadable = |source| NoAdmin::Unreadable { file: file.to_owned(), source };
        let text = files::read_text(file).map_err(unreadable)?;
        Self::outlined(file, &text)
    }

    fn outlined(file: &Path, text: &str) -> Result<Self, NoAdmin> {
        #[derive(Deserialize)]
        struct Outline {
            admin: Option<AdminOutline>,
            store: Option<StoreOutline>,
        }
        #[derive(Deserialize)]
        struct AdminOutline {
            bind: Option<String>,
            token_file: Option<PathBuf>,
        }
        #[derive(Deserialize)]
        struct StoreOutline {
            /// Absent where it is no file.
            path: Option<PathBuf>,
        }
        let unclear = |source| NoAdmin::Unclear { file: file.to_owned(), source };
        let Outline { admin, store } = toml::from_str(text).map_err(unclear)?;
        let admin = admin.ok_or_else(|| NoAdmin::Missing(file.to_owned()))?;
        let bind = admin.bind.unwrap_or_else(|| BIND.to_owned());
        let beside = file.parent().unwrap_or(Path::new(""));
        let token_file = admin
            .token_file
            .unwrap_or_else(|| usual_token_file(store.as_ref().and_then(|it| it.path.as_deref())));
        match bind.parse() {
            Ok(bind) => Ok(Self { bind, token_file: beside.join(token_file), metrics_token: None }),
            Err(_) => Err(NoAdmin::Address { file: file.to_owned(), bind }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const LISTENER: &str = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n";

    #[test]
    fn the_command_line_finds_the_gateway_where_the_gateway_listens() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let file = folder.path().join("w.toml");
        let store = "[store]\npath = \"w.db\"\n";
        for text in [
            "[admin]\n".to_owned(),
            format!("[admin]\n{store}"),
            format!("[admin]\nbind = \"[::1]:9999\"\ntoken_file = \"token\"\n{store}"),
        ] {
            let whole = format!("{LISTENER}{text}");
            let checked = Config::parse(file.to_str().expect("text"), &whole).expect("sound").admin;
            assert_eq!(AdminConfig::outlined(&file, &whole).ok(), checked, "{text}");
            assert!(checked.is_some());
            // What is faulty elsewhere does not matter.
            assert!(AdminConfig::outlined(&file, &format!("{whole}[media]\nshards = \"many\"\n")).is_ok());
        }
        let beside =
            AdminConfig::outlined(Path::new("/etc/w.toml"), "[admin]\n[store]\npath = \"/var/lib/w/w.db\"\n");
        assert_eq!(beside.expect("sound").token_file, Path::new("/var/lib/w/admin-token"));
        let at_server = AdminConfig::outlined(&file, "[admin]\n[store]\nurl = \"postgres://w@db/w\"\n");
        assert_eq!(at_server.expect("sound").token_file, Path::new("/run/webtrunk/admin-token"));
        let missing = AdminConfig::outlined(&file, "[http]\n").expect_err("it has none").to_string();
        assert!(
            missing.ends_with(
                "has no [admin], so a gateway with it cannot be asked; add [admin] and start it anew"
            ),
            "{missing}"
        );
    }

    #[test]
    fn a_token_for_figures_is_a_secret_that_nobody_guesses() {
        let parse = |token: &str| {
            let text = format!("{LISTENER}[admin]\nmetrics_token = \"{token}\"\n");
            Config::parse("w.toml", &text).map(|config| config.admin.expect("it is there"))
        };
        let sound = parse("0123456789abcdef").expect("long enough");
        assert_eq!(sound.metrics_token.as_ref().map(Secret::expose), Some("0123456789abcdef"));
        assert!(!format!("{sound:?}").contains("0123456789abcdef"));
        for weak in ["", "0123456789abcde", "0123456789 abcdef"] {
            let error = parse(weak).expect_err(weak).to_string();
            assert!(error.contains("admin.metrics_token") && error.contains("openssl rand"), "{error}");
        }
    }

    #[test]
    fn nobody_beyond_this_machine_is_let_in() {
        for (bind, told) in [
            ("0.0.0.0:9650", "is reached from other machines"),
            ("192.0.2.1:9650", "is reached from other machines"),
            ("[::]:9650", "is reached from other machines"),
            ("127.0.0.1:0", "names no port"),
            ("9650", "invalid socket address syntax"),
        ] {
            let text = format!("{LISTENER}[admin]\nbind = \"{bind}\"\n");
            let faults = Config::parse("w.toml", &text).expect_err("it is refused").to_string();
            assert!(faults.contains("w.toml:5: admin.bind") && faults.contains(told), "{faults}");
            assert!(faults.contains("such as \"127.0.0.1:9650\""), "{faults}");
        }
    }
}
