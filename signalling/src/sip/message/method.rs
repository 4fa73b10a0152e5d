//! Request methods, RFC 3261 7.1; names are case-sensitive.

use std::fmt;

use super::chars::is_token;
use super::{ByteString, SyntaxError};

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a request asks for.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum Method {
            $($(#[$doc])* $variant,)*
            /// Any other token.
            Other(ByteString),
        }

        impl Method {
            /// The name as it stands in the request line.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }

            /// Parses a name; `text` becomes a slice of the name's buffer where it is no known one.
            ///
            /// # Errors
            /// The text is no token.
            pub fn parse(text: &ByteString) -> Result<Self, SyntaxError> {
                match &**text {
                    $($name => Ok(Self::$variant),)*
                    other if is_token(other) => Ok(Self::Other(text.clone())),
                    _ => Err(SyntaxError("method is no token")),
                }
            }
        }
    };
}

methods! {
    /// RFC 3261 13.
    Invite = "INVITE",
    /// RFC 3261 13.
    Ack = "ACK",
    /// RFC 3261 15.
    Bye = "BYE",
    /// RFC 3261 9.
    Cancel = "CANCEL",
    /// RFC 3261 11.
    Options = "OPTIONS",
    /// RFC 3261 10.
    Register = "REGISTER",
    /// RFC 6086.
    Info = "INFO",
    /// RFC 3262.
    Prack = "PRACK",
    /// RFC 3311.
    Update = "UPDATE",
    /// RFC 3515.
    Refer = "REFER",
    /// RFC 6665.
    Subscribe = "SUBSCRIBE",
    /// RFC 6665.
    Notify = "NOTIFY",
    /// RFC 3428.
    Message = "MESSAGE",
    /// RFC 3903.
    Publish = "PUBLISH",
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &'static str) -> Result<Method, SyntaxError> {
        Method::parse(&ByteString::from_static(text))
    }

    #[test]
    fn names_are_case_sensitive() {
        assert_eq!(parse("INVITE"), Ok(Method::Invite));
        assert_eq!(parse("invite"), Ok(Method::Other(ByteString::from_static("invite"))));
    }

    #[test]
    fn an_escape_in_a_method_is_just_a_percent_sign() {
        assert_eq!(parse("RE%47IST%45R").map(|m| m.to_string()), Ok("RE%47IST%45R".into()));
    }

    #[test]
    fn only_tokens_are_methods() {
        assert!(parse("").is_err());
        assert!(parse("IN VITE").is_err());
        assert!(parse("INVITE:").is_err());
    }
}
