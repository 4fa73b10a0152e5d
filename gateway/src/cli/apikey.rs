//! `webtrunk apikey`: keys for back ends, in the store or for the configuration file.

use std::io::Write;

use clap::{Subcommand, ValueEnum};

use super::Failure;
use super::admin::{Asked, NamedApiKey, NewApiKey, list_api_keys};
use crate::rest::keys::{MadeKey, hash_text};
use crate::rest::scope::Scope;

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub(super) enum ApiKeyCommand {
    /// Add a key to the store of a running gateway, in force at once; it is told this once.
    Add(NewApiKey),
    /// Tell all keys, those of the configuration file too; what they are is known to nobody.
    List(Asked),
    /// End a key of the store at once.
    Revoke(NamedApiKey),
    /// Make a key for the configuration file and print it once, with what the file keeps of it.
    ///
    /// The key goes to who asks, and is in no file of the gateway's: lost, another has to be made.
    Make {
        /// Its name in the log: letters, digits, - and .
        id: String,
        /// What it may do, such as calls:read; may be given several times.
        #[arg(long = "scope", value_name = "SCOPE", default_value = "calls:read")]
        scopes: Vec<Scope>,
        /// Whose it is: then it is told of this customer's users and calls alone.
        #[arg(long, value_name = "NAME")]
        customer: Option<String>,
    },
}

/// No key is made.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no id of a key; use 1 to 32 letters, digits, - and .")]
struct NoId(String);

/// Does it, and writes to `out`.
pub(super) fn apikey(command: &ApiKeyCommand, mut out: impl Write) -> Result<(), Failure> {
    let (id, scopes, customer) = match command {
        ApiKeyCommand::Add(new) => return new.add(out),
        ApiKeyCommand::List(asked) => return list_api_keys(asked, out),
        ApiKeyCommand::Revoke(named) => return named.revoke(out),
        ApiKeyCommand::Make { id, scopes, customer } => (id, scopes, customer),
    };
    let made = MadeKey::new(id).ok_or_else(|| NoId(id.clone()))?;
    let scopes: Vec<_> = scopes.iter().map(|scope| format!("\"{scope}\"")).collect();
    writeln!(
        out,
        "# For who asks, as Authorization: Bearer KEY. It is shown this once:\n# {}",
        made.key.expose()
    )?;
    writeln!(out, "[[api_keys]]\nid = \"{id}\"\nsecret_sha256 = \"{}\"", hash_text(&made.hash))?;
    writeln!(out, "scopes = [{}]", scopes.join(", "))?;
    if let Some(customer) = customer {
        writeln!(out, "customer = \"{customer}\"")?;
    }
    Ok(())
}

impl ValueEnum for Scope {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn what_is_printed_is_taken_and_lets_its_holder_in() {
        let mut out = Vec::new();
        let command = ApiKeyCommand::Make { id: "crm".into(), scopes: Scope::ALL.to_vec(), customer: None };
        apikey(&command, &mut out).expect("it is written");
        let text = String::from_utf8(out).expect("text");
        let key = text.lines().nth(1).and_then(|line| line.strip_prefix("# ")).expect("the key");
        let whole = format!("[http]\nbind = \"127.0.0.1:0\"\n[sip_ws]\n[rest]\n{text}");
        let config = Config::parse("w.toml", &whole).expect("sound");
        let found = config.api_keys.find(key, std::time::SystemTime::now().into()).expect("it is known");
        assert_eq!((found.id.as_str(), found.scopes.len()), ("crm", Scope::ALL.len()));
        let unsound = ApiKeyCommand::Make { id: "a_b".into(), scopes: Vec::new(), customer: None };
        assert!(apikey(&unsound, Vec::new()).is_err());
    }
}
