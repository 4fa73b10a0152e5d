//! Who starts the DTLS handshake (RFC 4145 4, RFC 5763 5).

/// The value of `a=setup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setup {
    /// The describer is the DTLS client.
    Active,
    /// The describer is the DTLS server.
    Passive,
    /// The describer leaves it to the answerer.
    ActPass,
    /// No connection for the moment.
    HoldConn,
}

impl Setup {
    const ALL: [Self; 4] = [Self::Active, Self::Passive, Self::ActPass, Self::HoldConn];

    /// The attribute's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
            Self::HoldConn => "holdconn",
        }
    }

    /// The role of that value, compared without regard to case.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setup| setup.as_str().eq_ignore_ascii_case(value))
    }
}
