//! The event packages that can be watched.

use std::time::Duration;

/// What of a user is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Package {
    /// Its calls (RFC 4235): what lights the lamps beside keys.
    Dialog,
    /// Whether it can be reached (RFC 3856).
    Presence,
    /// Whether messages wait for it (RFC 3842).
    MessageSummary,
}

impl Package {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dialog, Self::Presence, Self::MessageSummary];

    /// Its name in Event.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dialog => "dialog",
            Self::Presence => "presence",
            Self::MessageSummary => "message-summary",
        }
    }

    /// The type of its notifications' bodies.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Dialog => "application/dialog-info+xml",
            Self::Presence => "application/pidf+xml",
            Self::MessageSummary => "application/simple-message-summary",
        }
    }

    /// The least time between two notifications of one subscription: RFC 4235 3.10 and RFC 3842 3.9 say a second,
    /// RFC 3856 6.10 five.
    #[must_use]
    pub const fn pause(self) -> Duration {
        match self {
            Self::Dialog | Self::MessageSummary => Duration::from_secs(1),
            Self::Presence => Duration::from_secs(5),
        }
    }

    /// The package that an Event names, and the Event of its notifications, which repeats the `id` (RFC 6665 8.2.1).
    #[must_use]
    pub fn of_event(value: &str) -> Option<(Self, String)> {
        let mut parts = value.split(';').map(str::trim);
        let name = parts.next()?;
        // Names are compared with case (RFC 6665 8.2.1).
        let package = Self::ALL.into_iter().find(|package| package.name() == name)?;
        let id = parts.find(|param| param.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("id=")));
        Some((package, id.map_or_else(|| name.to_owned(), |id| format!("{name};{id}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_its_package_and_its_id_is_repeated() {
        for (value, expected) in [
            ("dialog", Some((Package::Dialog, "dialog"))),
            (" presence ; id=7;x=y", Some((Package::Presence, "presence;id=7"))),
            ("message-summary", Some((Package::MessageSummary, "message-summary"))),
            ("Dialog", None),
            ("presence.winfo", None),
            ("refer", None),
            ("", None),
        ] {
            let expected = expected.map(|(package, event)| (package, event.to_owned()));
            assert_eq!(Package::of_event(value), expected, "{value}");
        }
    }
}
