//! NATS, as a bus for orders and words: plain subjects, at most once, no inboxes and no streams.
//!
//! ```text
//! webtrunk.loadtest.FLEET.all          from a leader to all agents
//! webtrunk.loadtest.FLEET.agent.NAME   from a leader to one
//! webtrunk.loadtest.FLEET.run.RUN      from agents to the leader of this run
//! ```

use std::future::ready;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerAddr, Subscriber};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, select};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::error::{BusError, FleetError, LeadError};
use super::words::{Order, PROTOCOL, To, Told, Word};

/// Where the bus is, and who we are to it.
#[derive(Clone)]
pub struct BusConfig {
    /// `nats://USER:PASSWORD@HOST:PORT` or `tls://..`; one word in place of both is a token.
    pub url: String,
    /// A file with `USER:PASSWORD`, a token, or the JWT and seed that NATS' own tools write.
    pub credentials: Option<PathBuf>,
    /// Whom its certificate is to be certified by, as PEM; by default those whom the system trusts.
    pub authority: Option<PathBuf>,
    /// A certificate and its key, as PEM, for a server that wants one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// It may be on another machine without TLS.
    pub may_be_plain: bool,
    /// Those who belong together; others on the same bus do not hear them.
    pub fleet: String,
    /// What the server's own monitor calls us.
    pub name: String,
}

/// A connection to it, which comes back by itself where it is lost; clones share it.
#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
    prefix: String,
    server: String,
}

/// How we prove who we are.
enum Proof {
    Nobody,
    Password(String, String),
    Token(String),
    /// The contents of a .creds file.
    Jwt(String),
}

/// How soon a connection that is dead is noticed.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// How long what was said last may take to be sent.
const FLUSH_MAX: Duration = Duration::from_secs(5);
const NAME_MAX: usize = 64;
/// What a .creds file has and nothing else.
const JWT_MARK: &str = "BEGIN NATS USER JWT";

impl Bus {
    /// Connects.
    ///
    /// # Errors
    /// The address or the credentials are of no use, or the server cannot be reached or does not let us in.
    pub async fn connect(config: &BusConfig) -> Result<Self, BusError> {
        check_name("--fleet", &config.fleet)?;
        let (url, proof) = address(config)?;
        let server = url.to_string();
        let is_secure = url.scheme() == "tls";
        if !is_secure && !config.may_be_plain && !is_loopback(&url) {
            return Err(BusError::Plain { server });
        }
        // Of the two that rustls may have, the one that all of this program's TLS is by; another that is there stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut options = match proof {
            Proof::Nobody => ConnectOptions::new(),
            Proof::Password(user, password) => ConnectOptions::with_user_and_password(user, password),
            Proof::Token(token) => ConnectOptions::with_token(token),
            // What is wrong with it is not repeated: it is a secret.
            Proof::Jwt(text) => ConnectOptions::with_credentials(&text)
                .map_err(|_| BusError::Credentials("the .creds file has no JWT or no seed".to_owned()))?,
        };
        options =
            options.name(&config.name).require_tls(is_secure).ping_interval(PING_INTERVAL).event_callback(
                |event| {
                    note(&event);
                    ready(())
                },
            );
        if !is_secure {
            // The server may name others, which were not allowed to be without TLS.
            options = options.ignore_discovered_servers();
        }
        if let Some(authority) = &config.authority {
            options = options.add_root_certificates(authority.clone());
        }
        if let Some((certificate, key)) = &config.identity {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        let address = ServerAddr::from_url(url).map_err(|error| BusError::Address(error.to_string()))?;
        let client = options
            .connect(address)
            .await
            .map_err(|error| BusError::Unreachable { server: server.clone(), why: error.to_string() })?;
        Ok(Self { client, prefix: format!("webtrunk.loadtest.{}", config.fleet), server })
    }

    /// Where it is, without a secret.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// What leaders say to all and to this one.
    pub(super) async fn orders(&self, agent: &str) -> Result<BoxStream<'static, Order>, BusError> {
        check_name("--name", agent)?;
        let all = self.subscribe("all").await?;
        let own = self.subscribe(&format!("agent.{agent}")).await?;
        Ok(read(select(all, own)))
    }

    /// What agents say to the leader of this run.
    pub(super) async fn words(&self, run: &str) -> Result<BoxStream<'static, Told>, BusError> {
        Ok(read(self.subscribe(&format!("run.{run}")).await?))
    }

    pub(super) async fn order(&self, to: &To, order: &Order) -> Result<(), BusError> {
        match to {
            To::All => self.publish("all", order).await,
            To::Agent(name) => self.publish(&format!("agent.{name}"), order).await,
        }
    }

    pub(super) async fn tell(&self, run: &str, agent: &str, word: Word) -> Result<(), BusError> {
        let told = Told { protocol: PROTOCOL, agent: agent.to_owned(), word };
        self.publish(&format!("run.{run}"), &told).await
    }

    /// Whether an order of this length may be said at all.
    ///
    /// # Errors
    /// How long it is, and how long a message may be.
    pub(super) fn check_length(&self, order: &Order) -> Result<(), FleetError> {
        let (octets, most) = (payload(order)?.len(), self.client.max_payload());
        if octets <= most { Ok(()) } else { Err(LeadError::TooLong { octets, most }.into()) }
    }

    /// Waits until all that was said is sent, for a while.
    pub(super) async fn flush(&self) {
        let _ = tokio::time::timeout(FLUSH_MAX, self.client.flush()).await;
    }

    async fn subscribe(&self, subject: &str) -> Result<Subscriber, BusError> {
        let subject = format!("{}.{subject}", self.prefix);
        self.client.subscribe(subject).await.map_err(|error| BusError::Lost(error.to_string()))
    }

    async fn publish(&self, subject: &str, message: &impl Serialize) -> Result<(), BusError> {
        let subject = format!("{}.{subject}", self.prefix);
        let payload = payload(message)?;
        self.client.publish(subject, payload.into()).await.map_err(|error| BusError::Lost(error.to_string()))
    }
}

fn payload(message: &impl Serialize) -> Result<Vec<u8>, BusError> {
    serde_json::to_vec(message).map_err(|error| BusError::Lost(error.to_string()))
}

fn read<T: DeserializeOwned + Send + 'static>(
    messages: impl futures_util::Stream<Item = async_nats::Message> + Send + 'static,
) -> BoxStream<'static, T> {
    let read = messages.filter_map(|message| {
        let said = serde_json::from_slice::<T>(&message.payload);
        ready(said.inspect_err(|error| tracing::warn!(%error, "a message that is not understood")).ok())
    });
    read.boxed()
}

fn note(event: &Event) {
    match event {
        Event::ServerError(error) => tracing::error!(%error, "the NATS server refuses"),
        Event::SlowConsumer(_) => tracing::error!("messages come faster than they are read, and are lost"),
        Event::Disconnected => tracing::warn!("the NATS server is gone; trying again"),
        _ => {}
    }
}

/// A token of a subject: dots, blanks and wildcards mean something there.
fn check_name(option: &'static str, name: &str) -> Result<(), BusError> {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(BusError::Name { option, name: name.to_owned() })
}

/// The address without its secret, and the proof out of it or out of the file.
fn address(config: &BusConfig) -> Result<(Url, Proof), BusError> {
    // What is written may hold a password: it is not repeated.
    let mut url = Url::parse(&config.url).map_err(|error| BusError::Address(error.to_string()))?;
    if !matches!(url.scheme(), "nats" | "tls") {
        return Err(BusError::Address(format!("{}: is no scheme of NATS", url.scheme())));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(BusError::Address("names no host".to_owned()));
    }
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let written = match (url.username(), url.password()) {
        ("", None) => Proof::Nobody,
        (token, None) => Proof::Token(decode(token)),
        (user, Some(password)) => Proof::Password(decode(user), decode(password)),
    };
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    cleared.map_err(|()| BusError::Address("cannot have a user".to_owned()))?;
    let Some(file) = &config.credentials else { return Ok((url, written)) };
    if !matches!(written, Proof::Nobody) {
        return Err(BusError::Credentials("stands beside a user in --nats".to_owned()));
    }
    let text = std::fs::read_to_string(file)
        .map_err(|error| BusError::Credentials(format!("{} cannot be read: {error}", file.display())))?;
    Ok((url, proof_of(text)?))
}

fn proof_of(text: String) -> Result<Proof, BusError> {
    if text.contains(JWT_MARK) {
        return Ok(Proof::Jwt(text));
    }
    match text.lines().next().unwrap_or_default().split_once(':') {
        Some((user, password)) => Ok(Proof::Password(user.to_owned(), password.to_owned())),
        None => match text.lines().next() {
            Some(token) if !token.is_empty() => Ok(Proof::Token(token.to_owned())),
            _ => Err(BusError::Credentials("the file is empty".to_owned())),
        },
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> BusConfig {
        BusConfig {
            url: url.to_owned(),
            credentials: None,
            authority: None,
            identity: None,
            may_be_plain: false,
            fleet: "lab".to_owned(),
            name: "it".to_owned(),
        }
    }

    fn shown(proof: &Proof) -> String {
        match proof {
            Proof::Nobody => "nobody".to_owned(),
            Proof::Password(user, password) => format!("{user} {password}"),
            Proof::Token(token) => format!("token {token}"),
            Proof::Jwt(_) => "jwt".to_owned(),
        }
    }

    #[test]
    fn secrets_are_taken_out_of_the_address() {
        for (url, rest, proof) in [
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222", "nobody"),
            ("tls://bus.example", "tls://bus.example", "nobody"),
            ("nats://alice:o%40pen@localhost:4222", "nats://localhost:4222", "alice o@pen"),
            ("nats://t0ken@localhost", "nats://localhost", "token t0ken"),
        ] {
            let (address, found) = address(&config(url)).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((address.as_str(), shown(&found).as_str()), (rest, proof));
        }
        for url in ["http://alice:hush@x:4222", "nats://alice:hush@", "alice:hush@x", "nats://alice:hush@[::"]
        {
            let error = address(&config(url)).err().unwrap_or_else(|| panic!("{url} is none")).to_string();
            assert!(!error.contains("hush") && error.contains("write nats://HOST:4222"), "{error}");
        }
    }

    #[test]
    fn credentials_of_a_file_are_of_three_kinds() {
        for (text, expected) in [
            ("alice:open sesame\n", "alice open sesame"),
            ("t0ken\n", "token t0ken"),
            ("-----BEGIN NATS USER JWT-----\nx\n------END NATS USER JWT------\n", "jwt"),
        ] {
            assert_eq!(proof_of(text.to_owned()).map(|it| shown(&it)), Ok(expected.to_owned()));
        }
        assert!(proof_of(String::new()).is_err() && proof_of("\n".to_owned()).is_err());
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("bus.txt");
        std::fs::write(&file, "bob:hush\n").expect("ours");
        let both = BusConfig { credentials: Some(file), ..config("nats://alice:hush@localhost") };
        assert!(address(&both).err().is_some_and(|it| it.to_string().contains("beside a user")));
    }

    #[test]
    fn another_machine_without_tls_needs_a_word() {
        for (url, expected) in [
            ("nats://127.0.0.1:4222", true),
            ("nats://localhost", true),
            ("nats://[::1]:4222", true),
            ("nats://10.0.0.7:4222", false),
            ("nats://bus.example", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).expect("a URL")), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn what_may_not_be_plain_is_not_even_tried() {
        let error = Bus::connect(&config("nats://alice:hush@bus.invalid:4222")).await.expect_err("plain");
        assert_eq!(error, BusError::Plain { server: "nats://bus.invalid:4222".to_owned() });
    }

    #[test]
    fn names_are_plain_words() {
        for (name, expected) in
            [("a", true), ("host-7_b", true), ("", false), ("a.b", false), ("*", false), ("a b", false)]
        {
            assert_eq!(check_name("--name", name).is_ok(), expected, "{name}");
        }
    }
}
