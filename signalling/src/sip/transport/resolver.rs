//! The next hops of a trunk: a name becomes addresses without anybody waiting for it (RFC 3263 4).
//!
//! ```text
//! an address -------------------------------------------------------------> one hop
//! a name with a port ------------------------------------ A, AAAA --------> its addresses
//! a name: NAPTR where the transport is open --> SRV, by priority and weight --> the addresses of each
//!         SRV of each transport ---------------------- no NAPTR ---------> the same
//!         A, AAAA, the transport's port -------------- no SRV -----------> its addresses
//! ```
//!
//! All of them are asked at once, so that a name server that is dead costs its time-out once. Answers are kept
//! as long as they say, those that there is nothing too; and where nobody answers any more a trunk is where it
//! was found last (RFC 8767).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{Either, join_all, select};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::timeout;

use super::srv::{Pointer, Service, in_order, pointed_to, service_name};
use crate::sip::flow::TransportKind;
use crate::sip::hop::Hop;

/// How long a caller may wait for a name. Chosen by us: a dead name must not cost a call its patience.
const DEADLINE: Duration = Duration::from_secs(2);

/// How long one name server may take, so that a second one is asked within the deadline.
const QUERY_TIMEOUT: Duration = Duration::from_millis(900);

/// The most hops that a call tries. Chosen by us: with 2 s for each that is silent nobody waits for more.
const HOPS_MAX: usize = 16;

/// How long name servers may take where it is known from before where a trunk is. Chosen by us: few callers
/// notice it.
const DEADLINE_WITH_KNOWN: Duration = Duration::from_millis(500);

/// How old that knowledge may be: RFC 8767 5 says one to three days.
const KNOWN_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Asks the system's name servers, or those that are configured; cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    resolver: Option<TokioResolver>,
    known: Arc<Mutex<Known>>,
}

/// What one way to a trunk leads to: no hop where there is nothing, an error where nobody told and there may be something.
type Found = Result<Vec<Hop>, ResolveError>;

/// Where trunks were found last, and when: as many as there are trunks.
type Known = HashMap<Wanted, (Located, Instant)>;

/// Where a trunk is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Located {
    hops: Vec<Hop>,
    /// Why it may be elsewhere: nobody told of its services, and these are the addresses of its domain.
    doubt: Option<ResolveError>,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// A name or an address, IPv6 with or without brackets.
    pub host: String,
    /// The port, where one is configured: then nobody is asked for another (RFC 3263 4.2).
    pub port: Option<u16>,
    /// The transport, where the records do not say another.
    pub kind: TransportKind,
    /// The transports that they may choose.
    pub choice: Vec<TransportKind>,
    /// The trunk whose certificate of ours the hops are shown.
    pub identity: Option<String>,
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
        let builder = TokioResolver::builder_tokio().unwrap_or_else(|error| {
            tracing::warn!(%error, "no name servers: trunks are reached by address only");
            TokioResolver::builder_with_config(ResolverConfig::default(), TokioRuntimeProvider::default())
        });
        Self::built(builder)
    }

    /// A resolver that asks these servers, by UDP and TCP; the system's where there are none.
    #[must_use]
    pub fn of(servers: &[SocketAddr]) -> Self {
        if servers.is_empty() {
            return Self::system();
        }
        let server = |address: &SocketAddr| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = address.port();
                connection
            });
            NameServerConfig::new(address.ip(), true, connections.into())
        };
        let config = ResolverConfig::from_name_servers(servers.iter().map(server).collect());
        Self::built(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
    }

    fn built(mut builder: hickory_resolver::ResolverBuilder<TokioRuntimeProvider>) -> Self {
        let options = builder.options_mut();
        options.timeout = QUERY_TIMEOUT;
        options.attempts = 1;
        options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
        let resolver = builder.build().inspect_err(|error| tracing::warn!(%error, "no resolver")).ok();
        Self { resolver, known: Arc::default() }
    }

    /// The hops to a host, the first to be tried first; one at least.
    ///
    /// # Errors
    /// [`ResolveError`], within two seconds.
    pub async fn locate(&self, wanted: &Wanted) -> Result<Vec<Hop>, ResolveError> {
        if let Some(hop) = wanted.literal() {
            return Ok(vec![hop]);
        }
        let known = self.known().get(wanted).cloned();
        let known = known.filter(|(_, at)| at.elapsed() <= KNOWN_MAX).map(|(located, _)| located);
        let deadline = if known.is_some() { DEADLINE_WITH_KNOWN } else { DEADLINE };
        let found = self.ask(wanted, deadline).await;
        let where_it_was = |error: ResolveError, known: Located| {
            tracing::warn!(%error, "no name server answers: the trunk is where it was found last");
            known.hops
        };
        match (found, known) {
            (Err(error @ ResolveError::NoAddress(_)), _) | (Err(error), None) => Err(error),
            (Err(error), Some(known)) => Ok(where_it_was(error, known)),
            (Ok(Located { doubt: Some(error), .. }), Some(known)) if known.doubt.is_none() => {
                Ok(where_it_was(error, known))
            }
            (Ok(located), _) => {
                self.known().insert(wanted.clone(), (located.clone(), Instant::now()));
                Ok(located.hops)
            }
        }
    }

    /// The same of a host that a peer has named: nothing is known of it from before, and nothing is kept.
    ///
    /// # Errors
    /// [`ResolveError`], within two seconds.
    pub async fn locate_once(&self, wanted: &Wanted) -> Result<Vec<Hop>, ResolveError> {
        self.ask(wanted, DEADLINE).await.map(|located| located.hops)
    }

    async fn ask(&self, wanted: &Wanted, deadline: Duration) -> Result<Located, ResolveError> {
        let no_servers = || ResolveError::Failed(wanted.host.clone(), "no resolver".to_owned());
        let resolver = self.resolver.as_ref().ok_or_else(no_servers)?;
        let located = timeout(deadline, wanted.locate(resolver)).await;
        located.unwrap_or_else(|_| Err(ResolveError::TimedOut(wanted.host.clone())))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Located {
    const fn surely(hops: Vec<Hop>) -> Self {
        Self { hops, doubt: None }
    }
}

impl Wanted {
    /// The hop without asking anybody, where the host is an address.
    #[must_use]
    pub fn literal(&self) -> Option<Hop> {
        literal(&self.host).map(|ip| self.hop(self.kind, (ip, self.port_of(self.kind)).into()))
    }

    async fn locate(&self, resolver: &TokioResolver) -> Result<Located, ResolveError> {
        if self.port.is_some() {
            return self.by_address(resolver).await.map(Located::surely);
        }
        let usual = self.choice.iter().map(|kind| (*kind, service_name(*kind, &self.host))).collect();
        let pointed = pin!(self.by_pointers(resolver));
        let others =
            pin!(async { tokio::join!(self.by_services(resolver, usual), self.by_address(resolver)) });
        let (pointed, others) = match select(pointed, others).await {
            Either::Left((Ok(pointed), _)) if !pointed.is_empty() => {
                return Ok(Located::surely(pointed));
            }
            Either::Left((pointed, others)) => (pointed, others.await),
            Either::Right((others, pointed)) => (pointed.await, others),
        };
        let (served, by_address) = others;
        first_found([pointed, served], by_address)
    }

    /// The hops that the NAPTR records lead to, where they may choose the transport.
    async fn by_pointers(&self, resolver: &TokioResolver) -> Found {
        if self.choice.len() < 2 {
            return Ok(Vec::new());
        }
        let pointed = pointed_to(pointers(resolver, &self.host).await?, &self.choice);
        self.by_services(resolver, pointed).await
    }

    /// The hops that the SRV records of these names lead to, the names in their order.
    async fn by_services(&self, resolver: &TokioResolver, names: Vec<(TransportKind, String)>) -> Found {
        let served = names.iter().map(|(kind, name)| self.served(resolver, *kind, name));
        let mut hops = all_found(join_all(served).await)?;
        hops.truncate(HOPS_MAX);
        Ok(hops)
    }

    /// The host's own addresses.
    async fn by_address(&self, resolver: &TokioResolver) -> Found {
        let found = addresses(resolver, &self.host).await?;
        let port = self.port_of(self.kind);
        let hops: Vec<_> = found.into_iter().map(|ip| self.hop(self.kind, (ip, port).into())).collect();
        if hops.is_empty() { Err(ResolveError::NoAddress(self.host.clone())) } else { Ok(hops) }
    }

    /// The hops that the SRV records of a name lead to.
    async fn served(&self, resolver: &TokioResolver, kind: TransportKind, name: &str) -> Found {
        let mut dice = StdRng::from_seed(rand::random());
        let services = in_order(services(resolver, name).await?, &mut dice);
        let found =
            join_all(services.iter().take(HOPS_MAX).map(|one| addresses(resolver, &one.target))).await;
        let hops_of = |(service, ips): (&Service, Result<Vec<IpAddr>, ResolveError>)| -> Found {
            let ips = match ips.inspect_err(|error| tracing::debug!(%error, "a host of the trunk")) {
                Err(ResolveError::NoAddress(_)) => Vec::new(),
                told => told?,
            };
            Ok(ips.into_iter().map(|ip| self.hop(kind, (ip, service.port).into())).collect())
        };
        all_found(services.iter().zip(found).map(hops_of))
    }

    fn hop(&self, kind: TransportKind, address: SocketAddr) -> Hop {
        let server_name = kind.is_secure().then(|| self.host.clone());
        let identity = self.identity.clone().filter(|_| kind.is_secure());
        Hop { kind, address, server_name, identity }
    }

    fn port_of(&self, kind: TransportKind) -> u16 {
        self.port.unwrap_or(if kind.is_secure() { 5061 } else { 5060 })
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

/// All hops of several ways; where there is none, what nobody told.
fn all_found(ways: impl IntoIterator<Item = Found>) -> Found {
    let (mut hops, mut unknown) = (Vec::new(), None);
    for way in ways {
        match way {
            Ok(more) => hops.extend(more),
            Err(error) => unknown = Some(error),
        }
    }
    match unknown.filter(|_| hops.is_empty()) {
        Some(error) => Err(error),
        None => Ok(hops),
    }
}

/// The hops of the first way that has some, addresses of the host itself last. That it has none says nothing where nobody told of
/// the others: a domain that is known by its services alone is none that has no address, and one that has some may be served
/// elsewhere.
fn first_found(ways: [Found; 2], by_address: Found) -> Result<Located, ResolveError> {
    let mut doubt = None;
    for way in ways {
        match way {
            Ok(hops) if hops.is_empty() => {}
            Ok(hops) => return Ok(Located::surely(hops)),
            Err(error) => doubt = Some(error),
        }
    }
    match (by_address, doubt) {
        (Err(ResolveError::NoAddress(_)), Some(error)) => Err(error),
        (by_address, doubt) => by_address.map(|hops| Located { hops, doubt }),
    }
}

async fn addresses(resolver: &TokioResolver, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
    match resolver.lookup_ip(host).await {
        Ok(found) => Ok(found.iter().map(|ip| ip.to_canonical()).collect()),
        Err(error) if error.is_no_records_found() => Err(ResolveError::NoAddress(host.to_owned())),
        Err(error) => Err(ResolveError::Failed(host.to_owned(), error.to_string())),
    }
}

/// The SRV records of a name.
async fn services(resolver: &TokioResolver, name: &str) -> Result<Vec<Service>, ResolveError> {
    let found = records(resolver, name, RecordType::SRV).await?;
    let service = |record| match record {
        RData::SRV(srv) => Some(Service {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_ascii(),
        }),
        _ => None,
    };
    Ok(found.into_iter().filter_map(service).collect())
}

/// The NAPTR records of a host.
async fn pointers(resolver: &TokioResolver, host: &str) -> Result<Vec<Pointer>, ResolveError> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let found = records(resolver, &format!("{}.", host.trim_end_matches('.')), RecordType::NAPTR).await?;
    let pointer = |record| match record {
        RData::NAPTR(naptr) => Some(Pointer {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            service: text(&naptr.services),
            replacement: naptr.replacement.to_ascii(),
        }),
        _ => None,
    };
    Ok(found.into_iter().filter_map(pointer).collect())
}

/// The records of a name; none where there are none.
async fn records(resolver: &TokioResolver, name: &str, kind: RecordType) -> Result<Vec<RData>, ResolveError> {
    match resolver.lookup(name, kind).await {
        Ok(found) => Ok(found.answers().iter().map(|record| record.data.clone()).collect()),
        Err(error) if error.is_no_records_found() => Ok(Vec::new()),
        Err(error) => {
            tracing::debug!(name, %kind, %error, "no name server told");
            Err(ResolveError::Failed(name.to_owned(), error.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(host: &str) -> Wanted {
        Wanted {
            host: host.into(),
            port: None,
            kind: TransportKind::Udp,
            choice: vec![TransportKind::Udp, TransportKind::Tcp],
            identity: None,
        }
    }

    #[tokio::test]
    async fn addresses_are_taken_as_they_are() {
        let resolver = Resolver::system();
        for (host, address) in [
            ("192.0.2.1", "192.0.2.1:5060"),
            ("2001:db8::1", "[2001:db8::1]:5060"),
            ("[2001:db8::1]", "[2001:db8::1]:5060"),
            ("::ffff:192.0.2.1", "192.0.2.1:5060"),
        ] {
            let hops = resolver.locate(&wanted(host)).await.expect("it is an address");
            assert_eq!(hops, [Hop::new(TransportKind::Udp, address.parse().expect("an address"))], "{host}");
            assert_eq!(wanted(host).literal(), hops.into_iter().next());
        }
    }

    #[test]
    fn that_a_host_has_no_address_says_nothing_where_nobody_told_of_its_services() {
        let host = || "trunk.example.net".to_owned();
        let failure = || ResolveError::Failed(host(), "SERVFAIL".to_owned());
        let untold = || -> Found { Err(failure()) };
        let no_address = || -> Found { Err(ResolveError::NoAddress(host())) };
        let nothing = || -> Found { Ok(Vec::new()) };
        let hops = || vec![Hop::new(TransportKind::Udp, ([192, 0, 2, 1], 5060).into())];
        let found = |doubt| Ok(Located { hops: hops(), doubt });
        for (ways, by_address, expected) in [
            ([nothing(), nothing()], no_address(), Err(ResolveError::NoAddress(host()))),
            ([nothing(), untold()], no_address(), Err(failure())),
            ([untold(), nothing()], no_address(), Err(failure())),
            ([nothing(), nothing()], Ok(hops()), found(None)),
            ([untold(), nothing()], Ok(hops()), found(Some(failure()))),
            ([untold(), Ok(hops())], no_address(), found(None)),
        ] {
            assert_eq!(first_found(ways, by_address), expected);
        }
        assert_eq!(all_found([untold(), nothing()]), untold());
        assert_eq!(all_found([untold(), Ok(hops())]), Ok(hops()));
    }

    #[tokio::test]
    async fn the_local_host_needs_no_name_server() {
        let resolver = Resolver::system();
        let hops = resolver.locate(&Wanted { port: Some(5070), ..wanted("localhost") }).await;
        let hops = hops.expect("RFC 6761 6.3");
        assert!(hops.iter().all(|hop| hop.address.ip().is_loopback() && hop.address.port() == 5070));
    }

    #[tokio::test]
    async fn a_name_that_is_none_fails_in_time() {
        let started = Instant::now();
        assert!(Resolver::system().locate(&wanted("no-such-host.invalid")).await.is_err());
        assert!(started.elapsed() < DEADLINE + Duration::from_millis(500));
    }

    #[tokio::test]
    async fn a_name_server_that_says_nothing_costs_a_call_two_seconds_and_a_half_at_most() {
        let mute = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let resolver = Resolver::of(&[mute.local_addr().expect("it is bound")]);
        let located =
            timeout(Duration::from_millis(2500), resolver.locate(&wanted("trunk.example.net"))).await;
        assert!(located.expect("in time").is_err());
    }
}
