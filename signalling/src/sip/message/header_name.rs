//! Names of header fields, RFC 3261 20 and the IANA register; compared without case.

use std::fmt;

use super::ByteString;
use super::chars::is_token;

macro_rules! header_names {
    ($($variant:ident = $name:literal $(/ $compact:literal)?,)*) => {
        /// The name of a header field. Compact forms are the same names.
        #[derive(Debug, Clone)]
        pub enum HeaderName {
            $(#[doc = concat!("`", $name, "`.")] $variant,)*
            /// Any other name, as it came. In a box: of many fields hardly one has such a name.
            Other(Box<ByteString>),
        }

        impl HeaderName {
            /// The name in its long form.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }

            /// A known name, long or compact.
            pub(super) fn known(text: &str) -> Option<Self> {
                match text.as_bytes() {
                    $($([letter] if letter.eq_ignore_ascii_case(&$compact) => Some(Self::$variant),)?)*
                    [_] => None,
                    _ => {
                        // By length first: few names share one.
                        $(if text.len() == $name.len() && text.eq_ignore_ascii_case($name) {
                            return Some(Self::$variant);
                        })*
                        None
                    }
                }
            }
        }
    };
}

header_names! {
    Via = "Via" / b'v',
    From = "From" / b'f',
    To = "To" / b't',
    CallId = "Call-ID" / b'i',
    CSeq = "CSeq",
    MaxForwards = "Max-Forwards",
    Contact = "Contact" / b'm',
    ContentLength = "Content-Length" / b'l',
    ContentType = "Content-Type" / b'c',
    UserAgent = "User-Agent",
    Allow = "Allow",
    Supported = "Supported" / b'k',
    Route = "Route",
    RecordRoute = "Record-Route",
    Authorization = "Authorization",
    Accept = "Accept",
    AcceptEncoding = "Accept-Encoding",
    AcceptLanguage = "Accept-Language",
    AlertInfo = "Alert-Info",
    AllowEvents = "Allow-Events" / b'u',
    AuthenticationInfo = "Authentication-Info",
    CallInfo = "Call-Info",
    ContentDisposition = "Content-Disposition",
    ContentEncoding = "Content-Encoding" / b'e',
    ContentLanguage = "Content-Language",
    Date = "Date",
    Diversion = "Diversion",
    ErrorInfo = "Error-Info",
    Event = "Event" / b'o',
    Expires = "Expires",
    FlowTimer = "Flow-Timer",
    HistoryInfo = "History-Info",
    Identity = "Identity" / b'y',
    InReplyTo = "In-Reply-To",
    MimeVersion = "MIME-Version",
    MinExpires = "Min-Expires",
    MinSe = "Min-SE",
    Organization = "Organization",
    PAssertedIdentity = "P-Asserted-Identity",
    PPreferredIdentity = "P-Preferred-Identity",
    Path = "Path",
    Priority = "Priority",
    Privacy = "Privacy",
    ProxyAuthenticate = "Proxy-Authenticate",
    ProxyAuthorization = "Proxy-Authorization",
    ProxyRequire = "Proxy-Require",
    RAck = "RAck",
    Reason = "Reason",
    ReferTo = "Refer-To" / b'r',
    ReferredBy = "Referred-By" / b'b',
    RejectContact = "Reject-Contact" / b'j',
    Replaces = "Replaces",
    ReplyTo = "Reply-To",
    RequestDisposition = "Request-Disposition" / b'd',
    Require = "Require",
    RetryAfter = "Retry-After",
    RSeq = "RSeq",
    Server = "Server",
    ServiceRoute = "Service-Route",
    SessionExpires = "Session-Expires" / b'x',
    SipEtag = "SIP-ETag",
    SipIfMatch = "SIP-If-Match",
    Subject = "Subject" / b's',
    SubscriptionState = "Subscription-State",
    Timestamp = "Timestamp",
    Unsupported = "Unsupported",
    Warning = "Warning",
    WwwAuthenticate = "WWW-Authenticate",
}

impl HeaderName {
    /// Whether a text can be the name of a field (RFC 3261 25.1).
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        is_token(text)
    }

    /// The name that `text`, a slice of `whole`, stands for.
    pub(super) fn parse(whole: &ByteString, text: &str) -> Self {
        Self::known(text).unwrap_or_else(|| Self::Other(Box::new(whole.slice_ref(text))))
    }
}

impl From<&str> for HeaderName {
    fn from(text: &str) -> Self {
        Self::known(text).unwrap_or_else(|| Self::Other(Box::new(text.into())))
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(one), Self::Other(two)) => one.eq_ignore_ascii_case(two),
            (one, two) => std::mem::discriminant(one) == std::mem::discriminant(two),
        }
    }
}

impl Eq for HeaderName {}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_compact_forms_are_one_name() {
        for (long, compact) in [
            ("Via", "v"),
            ("FROM", "f"),
            ("to", "T"),
            ("Call-id", "i"),
            ("Contact", "m"),
            ("Content-Type", "c"),
            ("Content-Length", "L"),
            ("Supported", "k"),
            ("Subject", "s"),
            ("Refer-To", "r"),
            ("Session-Expires", "x"),
        ] {
            assert_eq!(HeaderName::from(long), HeaderName::from(compact));
            assert!(!matches!(HeaderName::from(compact), HeaderName::Other(_)));
        }
    }

    #[test]
    fn other_names_compare_without_case() {
        assert_eq!(HeaderName::from("X-Thing"), HeaderName::from("x-thing"));
        assert_ne!(HeaderName::from("X-Thing"), HeaderName::from("X-Thin"));
        assert_ne!(HeaderName::from("C%6Fntact"), HeaderName::Contact);
    }
}
