//! Where the bus is by which several load testers are led, and who we are to it.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use webtrunk_loadtest::fleet::BusConfig;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Several machines, by NATS")]
pub(super) struct BusOptions {
    /// NATS server: nats:// or tls://, [USER:PASSWORD@]HOST[:PORT]; one word before the @ is a token. The variable keeps it out of
    /// lists of processes.
    #[arg(long, value_name = "URL", env = "NATS_URL", hide_env_values = true)]
    nats: Option<Address>,
    /// File with USER:PASSWORD, a token, or the JWT and seed (.creds) of who we are to it.
    #[arg(long, value_name = "FILE")]
    nats_credentials: Option<PathBuf>,
    /// PEM file of the authority that it must be certified by; by default those that the system trusts.
    #[arg(long, value_name = "FILE")]
    nats_ca: Option<PathBuf>,
    /// PEM file of our own certificate, where it wants one.
    #[arg(long, value_name = "FILE", requires = "nats_key")]
    nats_certificate: Option<PathBuf>,
    /// PEM file of its key.
    #[arg(long, value_name = "FILE", requires = "nats_certificate")]
    nats_key: Option<PathBuf>,
    /// It may be on another machine without TLS: whoever is on that network could lead the agents.
    #[arg(long)]
    nats_plain: bool,
    /// Who belongs together: agents of other fleets do not hear this one's leader.
    #[arg(long, value_name = "NAME", default_value = "loadtest")]
    fleet: String,
}

/// The address of the server, which may have a password in it and is not shown.
#[derive(Clone)]
struct Address(String);

impl FromStr for Address {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

impl BusOptions {
    /// As whom the server knows us.
    pub(super) fn config(&self, name: &str) -> Result<BusConfig, String> {
        let Some(Address(url)) = &self.nats else {
            return Err(
                "--nats is missing; say where the NATS server is, as in --nats nats://127.0.0.1:4222"
                    .to_owned(),
            );
        };
        Ok(BusConfig {
            url: url.clone(),
            credentials: self.nats_credentials.clone(),
            authority: self.nats_ca.clone(),
            identity: self.nats_certificate.clone().zip(self.nats_key.clone()),
            may_be_plain: self.nats_plain,
            fleet: self.fleet.clone(),
            name: format!("webtrunk-loadtest {name}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        bus: BusOptions,
    }

    #[test]
    fn the_address_is_taken_and_never_shown() {
        let line = ["it", "--nats", "nats://alice:hush@127.0.0.1", "--fleet", "lab"];
        let line = Line::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
        assert!(!format!("{line:?}").contains("hush"));
        let config = line.bus.config("a").expect("an address");
        assert_eq!((config.url.as_str(), config.fleet.as_str()), ("nats://alice:hush@127.0.0.1", "lab"));
        assert!(
            Line::try_parse_from(["it", "--nats-key", "key.pem"]).is_err(),
            "a key needs its certificate"
        );
    }
}
