//! How many sockets and files the process may have open, and who gets how many.
//!
//! Calls come first: without a descriptor no call gets its ports, so connections get what calls leave.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;
use webtrunk_signalling::json::adapter::JsonLimits;
use webtrunk_signalling::sip::transport::TransportLimits;

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Of the HTTP server, WebSockets aside.
    pub http: usize,
    /// Streams of SIP: WebSockets, TCP and TLS.
    pub sip: usize,
    /// WebSockets of the JSON API.
    pub pages: usize,
}

#[cfg(test)]
impl Shares {
    /// Few of each.
    pub(crate) const fn of_tests() -> Self {
        Self { http: 10, sip: 10, pages: 10 }
    }
}

/// Connections of the HTTP server that are no WebSockets. A page needs its own for seconds.
const HTTP_CONNECTIONS: usize = 1000;

/// Sockets of a call between two plain phones: RTP and RTCP on each side.
const PER_CALL: usize = 4;

/// Listeners, media sockets, timers, the log, and files that are read at the start.
const OWN: usize = 256;

/// Raises the soft limit to the hard one, which needs no privilege, and shares out what there is; `has_pages` says whether
/// there is a JSON API. Warns where that is less than `calls_max` calls and all connections need.
#[must_use]
pub fn share_out(calls_max: usize, has_pages: bool) -> Shares {
    let limit = raise();
    let needed = needed(calls_max, has_pages);
    let shares = shares(limit, calls_max, has_pages);
    if limit < needed {
        warn!(
            limit,
            needed,
            http_connections = shares.http,
            sip_connections = shares.sip,
            json_connections = shares.pages,
            "the limit of open files is below what media.calls_max and connections need: raise it (LimitNOFILE= of \
             systemd, ulimit -n), or lower media.calls_max"
        );
    }
    shares
}

/// The limit after raising it as far as it goes.
fn raise() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return usize::MAX };
    let is_raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    usize::try_from(if is_raised { hard } else { soft }).unwrap_or(usize::MAX)
}

fn needed(calls_max: usize, has_pages: bool) -> usize {
    let calls = calls_max.saturating_mul(PER_CALL);
    let pages = if has_pages { JsonLimits::default().connections } else { 0 };
    calls.saturating_add(OWN + HTTP_CONNECTIONS + TransportLimits::default().connections + pages)
}

fn shares(limit: usize, calls_max: usize, has_pages: bool) -> Shares {
    let for_calls = calls_max.saturating_mul(PER_CALL).saturating_add(OWN);
    // Calls are of no use where nobody can connect to make them.
    let for_connections = limit.saturating_sub(for_calls).max(limit / 4);
    let http = HTTP_CONNECTIONS.min(for_connections / 4).max(1);
    let rest = for_connections - http.min(for_connections);
    let of_pages = if has_pages { JsonLimits::default().connections.min(rest / 2).max(1) } else { 0 };
    let sip = TransportLimits::default().connections.min(rest.saturating_sub(of_pages)).max(1);
    Shares { http, sip, pages: of_pages }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_come_first_and_connections_share_the_rest() {
        for (limit, calls_max, has_pages, http, sip, pages) in [
            (1_048_576, 2000, false, 1000, 10_000, 0),
            (1_048_576, 2000, true, 1000, 10_000, 10_000),
            (20_000, 2000, false, 1000, 10_000, 0),
            (20_000, 2000, true, 1000, 5372, 5372),
            (10_000, 2000, false, 625, 1875, 0),
            (1024, 100, false, 92, 276, 0),
            (1024, 100, true, 92, 138, 138),
            (1024, 2000, false, 64, 192, 0),
            (1, usize::MAX, true, 1, 1, 1),
        ] {
            let expected = Shares { http, sip, pages };
            assert_eq!(shares(limit, calls_max, has_pages), expected, "{limit} for {calls_max} calls");
        }
        assert_eq!((needed(2000, false), needed(2000, true)), (19_256, 29_256));
    }
}
