//! The trunks at which tokens may have accounts: the list by which a token can have nothing sent to a host of its own
//! choice.

use crate::auth::token::{Account, HostName};

/// A trunk at which tokens may have accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountTrunk {
    /// Its name.
    pub name: String,
    /// Where requests are sent.
    pub host: HostName,
    /// The port there.
    pub port: u16,
    /// The host of its addresses.
    pub domain: HostName,
}

/// All of them, in the order of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountTrunks(pub Vec<AccountTrunk>);

/// Why an account has no trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTrunk {
    /// None has its hosts.
    #[error("no trunk with page_accounts has the domain, proxy and port of its account")]
    Unknown,
    /// It names no host, and several trunks could be meant.
    #[error("its account names no host, and several trunks have page_accounts")]
    Ambiguous,
    /// Its user's calls go out by others.
    #[error("its account is at a trunk that is none of its customer's (customers[].trunks)")]
    NotOwn,
}

impl AccountTrunks {
    /// The trunk that an account is at: whose domain, host and port are those that the account names, where it does.
    ///
    /// # Errors
    /// [`NoTrunk`].
    pub fn of(&self, account: &Account) -> Result<&AccountTrunk, NoTrunk> {
        let proxy = account.outbound_proxy.as_ref();
        let port = proxy.and_then(|proxy| proxy.port).or(account.port);
        let fits = |trunk: &&AccountTrunk| {
            account.domain.as_ref().is_none_or(|domain| *domain == trunk.domain)
                && proxy.is_none_or(|proxy| proxy.host == trunk.host)
                && port.is_none_or(|port| port == trunk.port)
        };
        let mut fitting = self.0.iter().filter(fits);
        let first = fitting.next().ok_or(NoTrunk::Unknown)?;
        let names_host = account.domain.is_some() || proxy.is_some();
        if names_host || fitting.next().is_none() { Ok(first) } else { Err(NoTrunk::Ambiguous) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(name: &str, host: &str, port: u16, domain: &str) -> AccountTrunk {
        let host = host.parse().expect("a host");
        AccountTrunk { name: name.to_owned(), host, port, domain: domain.parse().expect("a host") }
    }

    fn of<'t>(trunks: &'t AccountTrunks, account: &str) -> Result<&'t str, NoTrunk> {
        let account: Account = serde_json::from_str(account).expect("an account");
        trunks.of(&account).map(|trunk| trunk.name.as_str())
    }

    #[test]
    fn an_account_is_at_the_trunk_whose_hosts_and_port_it_names_and_at_no_other_host() {
        let trunks = AccountTrunks(vec![
            trunk("one", "sip.one.example", 5060, "sip.one.example"),
            trunk("two", "proxy.example", 5070, "two.example"),
        ]);
        for (account, found) in [
            (r#"{"user":"1","domain":"SIP.one.example"}"#, Ok("one")),
            (r#"{"user":"1","domain":"sip.one.example","port":5060}"#, Ok("one")),
            (r#"{"user":"1","domain":"two.example"}"#, Ok("two")),
            (r#"{"user":"1","domain":"two.example","outbound_proxy":"proxy.example:5070"}"#, Ok("two")),
            (r#"{"user":"1","outbound_proxy":"proxy.example"}"#, Ok("two")),
            (r#"{"user":"1","domain":"proxy.example"}"#, Err(NoTrunk::Unknown)),
            (r#"{"user":"1","domain":"two.example","port":5060}"#, Err(NoTrunk::Unknown)),
            (
                r#"{"user":"1","domain":"two.example","outbound_proxy":"sip.one.example"}"#,
                Err(NoTrunk::Unknown),
            ),
            (r#"{"user":"1","domain":"127.0.0.1"}"#, Err(NoTrunk::Unknown)),
            (r#"{"user":"1","domain":"sip.one.example.evil.example"}"#, Err(NoTrunk::Unknown)),
            (r#"{"user":"1"}"#, Err(NoTrunk::Ambiguous)),
        ] {
            assert_eq!(of(&trunks, account), found, "{account}");
        }
        let one = AccountTrunks(trunks.0[..1].to_vec());
        assert_eq!(of(&one, r#"{"user":"1"}"#), Ok("one"));
        assert_eq!(of(&AccountTrunks::default(), r#"{"user":"1"}"#), Err(NoTrunk::Unknown));
    }
}
