//! Peers that write octets themselves, and what they may hear: for the tests of the adapter here, and those of the gateway's
//! process in `gateway/tests/calls/strangers/`.

pub(crate) mod judge;
pub(crate) mod peer;
pub(crate) mod verdicts;
pub(crate) mod ws;

use std::time::Duration;

/// Longer than anything that is expected to happen takes on a busy machine, the deadlines of strangers included.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// An OPTIONS request that nothing is wrong with.
pub(crate) fn options(transport: &str, branch: &str) -> String {
    format!(
        "OPTIONS sip:webtrunk@127.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/{transport} client.invalid;branch=z9hG4bK{branch};rport\r\n\
         From: <sip:probe@127.0.0.1>;tag=probe\r\n\
         To: <sip:webtrunk@127.0.0.1>\r\n\
         Call-ID: {branch}@client.invalid\r\n\
         CSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\n\
         Content-Length: 0\r\n\r\n"
    )
}
