//! The next hop of a trunk: a name becomes an address without anybody waiting for it.
//!
//! A and AAAA records and the hosts file; SRV and NAPTR (RFC 3263 4) are not asked.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::time::timeout;

/// How long a caller may wait for a name. Chosen by us: a dead name must not cost a call its patience.
const DEADLINE: Duration = Duration::from_secs(2);

/// How long one name server may take, so that a second one is asked within the deadline.
const QUERY_TIMEOUT: Duration = Duration::from_millis(900);

/// Asks the system's name servers; cheap to clone. Answers are kept as long as they say.
#[derive(Clone)]
pub struct Resolver {
    resolver: Option<TokioResolver>,
}

/// A name has no address for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name servers know no address.
    #[error("{0} has no address")]
    NoAddress(String),
    /// No name server answered in time.
    #[error("no name server told the address of {0} within 2 s")]
    TimedOut(String),
    /// The name servers failed, or none is configured.
    #[error("the address of {0} cannot be asked for: {1}")]
    Failed(String, String),
}

impl Resolver {
    /// A resolver by the system's settings. Where they cannot be read, only addresses and the hosts file work.
    #[must_use]
    pub fn system() -> Self {
        let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|error| {
            tracing::warn!(%error, "no name servers: trunks are reached by address only");
            TokioResolver::builder_with_config(ResolverConfig::default(), TokioRuntimeProvider::default())
        });
        let options = builder.options_mut();
        options.timeout = QUERY_TIMEOUT;
        options.attempts = 1;
        options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
        let resolver = builder.build().inspect_err(|error| tracing::warn!(%error, "no resolver")).ok();
        Self { resolver }
    }

    /// The address of `host`, a name or an address (IPv6 with or without brackets), with `port`.
    ///
    /// # Errors
    /// [`ResolveError`], within two seconds.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, ResolveError> {
        if let Some(address) = literal(host) {
            return Ok((address, port).into());
        }
        let no_servers = || ResolveError::Failed(host.to_owned(), "no resolver".to_owned());
        let resolver = self.resolver.as_ref().ok_or_else(no_servers)?;
        let answer = timeout(DEADLINE, resolver.lookup_ip(host))
            .await
            .map_err(|_| ResolveError::TimedOut(host.to_owned()))?
            .map_err(|error| failure(host, &error))?;
        answer
            .iter()
            .next()
            .map(|address| (address, port).into())
            .ok_or(ResolveError::NoAddress(host.to_owned()))
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

/// The address that `host` spells out, if it does.
#[must_use]
pub fn literal(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(host).parse().ok().map(|address: IpAddr| address.to_canonical())
}

fn failure(host: &str, error: &hickory_resolver::net::NetError) -> ResolveError {
    if error.is_no_records_found() {
        ResolveError::NoAddress(host.to_owned())
    } else {
        ResolveError::Failed(host.to_owned(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_taken_as_they_are() {
        let resolver = Resolver::system();
        for (host, address) in [
            ("192.0.2.1", "192.0.2.1:5060"),
            ("2001:db8::1", "[2001:db8::1]:5060"),
            ("[2001:db8::1]", "[2001:db8::1]:5060"),
            ("::ffff:192.0.2.1", "192.0.2.1:5060"),
        ] {
            assert_eq!(
                resolver.resolve(host, 5060).await,
                Ok(address.parse().expect("an address")),
                "{host}"
            );
        }
    }

    #[tokio::test]
    async fn the_local_host_needs_no_name_server() {
        let resolver = Resolver::system();
        let address = resolver.resolve("localhost", 5060).await.expect("RFC 6761 6.3");
        assert!(address.ip().is_loopback());
    }

    #[tokio::test]
    async fn a_name_that_is_none_fails_in_time() {
        let started = std::time::Instant::now();
        assert!(Resolver::system().resolve("no-such-host.invalid", 5060).await.is_err());
        assert!(started.elapsed() < DEADLINE + Duration::from_millis(500));
    }
}
