//! Header fields that are the gateway's own on every leg: they make transactions, dialogs, bodies, and what the two
//! ends of a leg agree on. No rule changes one, and none goes from one leg to another.

use super::message::HeaderName;

/// Whether a field is the gateway's own.
#[must_use]
pub fn is_own(name: &HeaderName) -> bool {
    matches!(
        name,
        // Transactions and dialogs, RFC 3261 8.1.1 and 12.
        HeaderName::Via
            | HeaderName::From
            | HeaderName::To
            | HeaderName::CallId
            | HeaderName::CSeq
            | HeaderName::MaxForwards
            | HeaderName::Contact
            | HeaderName::Route
            | HeaderName::RecordRoute
            | HeaderName::Path
            | HeaderName::ServiceRoute
            | HeaderName::Replaces
            // Who proves what to whom is said to one peer alone.
            | HeaderName::Authorization
            | HeaderName::ProxyAuthorization
            | HeaderName::AuthenticationInfo
            | HeaderName::ProxyAuthenticate
            | HeaderName::WwwAuthenticate
            // What a leg's two ends are able to do, and how they keep it up.
            | HeaderName::UserAgent
            | HeaderName::Server
            | HeaderName::Allow
            | HeaderName::AllowEvents
            | HeaderName::Accept
            | HeaderName::AcceptEncoding
            | HeaderName::Supported
            | HeaderName::Unsupported
            | HeaderName::Require
            | HeaderName::ProxyRequire
            | HeaderName::SessionExpires
            | HeaderName::MinSe
            | HeaderName::RAck
            | HeaderName::RSeq
            | HeaderName::FlowTimer
            // Requests of other kinds.
            | HeaderName::Event
            | HeaderName::SubscriptionState
            | HeaderName::ReferTo
            | HeaderName::SipEtag
            | HeaderName::SipIfMatch
            | HeaderName::MinExpires
            | HeaderName::MimeVersion
    ) || is_of_body(name.as_str())
}

/// Content-Type and its kind, those that we do not know among them.
fn is_of_body(name: &str) -> bool {
    const START: &str = "Content-";
    name.get(..START.len()).is_some_and(|start| start.eq_ignore_ascii_case(START))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_ours_by_whatever_name() {
        for name in [
            "Via",
            "v",
            "call-id",
            "I",
            "Content-Length",
            "l",
            "CONTENT-ID",
            "max-forwards",
            "x",
            "Route",
            "m",
        ] {
            assert!(is_own(&HeaderName::from(name)), "{name}");
        }
        for name in
            ["X-Tenant", "Subject", "s", "Privacy", "P-Asserted-Identity", "Alert-Info", "Contents", "é"]
        {
            assert!(!is_own(&HeaderName::from(name)), "{name}");
        }
    }
}
