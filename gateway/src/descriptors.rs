//! How many sockets and files the process may have open, and who gets how many.
//!
//! Calls come first: without a descriptor no call gets its ports, so connections get what calls leave.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;
use webtrunk_signalling::sip::transport::TransportLimits;

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Of the HTTP server, WebSockets aside.
    pub http: usize,
    /// Streams of SIP: WebSockets, TCP and TLS.
    pub sip: usize,
}

/// Connections of the HTTP server that are no WebSockets. A page needs its own for seconds.
const HTTP_CONNECTIONS: usize = 1000;

/// Sockets of a call between two plain phones: RTP and RTCP on each side.
const PER_CALL: usize = 4;

/// Listeners, media sockets, timers, the log, and files that are read at the start.
const OWN: usize = 256;

/// Raises the soft limit to the hard one, which needs no privilege, and shares out what there is. Warns
/// where that is less than `calls_max` calls and all connections need.
#[must_use]
pub fn share_out(calls_max: usize) -> Shares {
    let limit = raise();
    let needed = needed(calls_max);
    let shares = shares(limit, calls_max);
    if limit < needed {
        warn!(
            limit,
            needed,
            http_connections = shares.http,
            sip_connections = shares.sip,
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

fn needed(calls_max: usize) -> usize {
    let calls = calls_max.saturating_mul(PER_CALL);
    calls.saturating_add(OWN + HTTP_CONNECTIONS + TransportLimits::default().connections)
}

fn shares(limit: usize, calls_max: usize) -> Shares {
    let for_calls = calls_max.saturating_mul(PER_CALL).saturating_add(OWN);
    // Calls are of no use where nobody can connect to make them.
    let for_connections = limit.saturating_sub(for_calls).max(limit / 4);
    let http = HTTP_CONNECTIONS.min(for_connections / 4).max(1);
    let sip = TransportLimits::default().connections.min(for_connections - http.min(for_connections)).max(1);
    Shares { http, sip }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_come_first_and_connections_share_the_rest() {
        for (limit, calls_max, http, sip) in [
            (1_048_576, 2000, 1000, 10_000),
            (20_000, 2000, 1000, 10_000),
            (10_000, 2000, 625, 1875),
            (1024, 100, 92, 276),
            (1024, 2000, 64, 192),
            (1, usize::MAX, 1, 1),
        ] {
            assert_eq!(shares(limit, calls_max), Shares { http, sip }, "{limit} for {calls_max} calls");
        }
        assert_eq!(needed(2000), 19_256);
    }
}
