//! Why a packet was not used.
//!
//! A bad packet is no error: it is dropped, counted by reason, and never logged above TRACE.
//! Everything that reads datagrams shares this one list, so a leg has one set of counters.

use std::fmt;

/// Declares the reasons once: the enum, the list of all and the names that metrics show.
macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)+) => {
        /// Why a packet was dropped.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DropReason {
            $($(#[$doc])* $variant,)+
        }

        impl DropReason {
            /// Every reason, in the order of [`DropCounters::iter`].
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The name in metrics and statistics: lower case with underscores.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

drop_reasons! {
    /// Ends before its own fields do.
    TooShort => "too_short",
    /// Longer than we read, or than its header says.
    TooLong => "too_long",
    /// The version is not 2 (RFC 3550 5.1).
    BadVersion => "bad_version",
    /// The padding is zero or longer than what it pads (RFC 3550 5.1).
    BadPadding => "bad_padding",
    /// The header extension reaches behind the packet (RFC 3550 5.3.1).
    BadExtension => "bad_extension",
    /// The first byte is none of STUN, DTLS, RTP and RTCP (RFC 7983).
    UnknownProtocol => "unknown_protocol",
    /// STUN, but no check that one could read or answer (RFC 8445 7.3).
    MalformedStun => "malformed_stun",
    /// A check for a leg that does not exist (any more).
    UnknownUfrag => "unknown_ufrag",
    /// A DTLS record that has no place where the handshake stands: late, forged or garbled.
    UnexpectedDtls => "unexpected_dtls",
    /// The payload type was not negotiated.
    UnknownPayloadType => "unknown_payload_type",
    /// The payload is not what its payload type promises.
    BadPayload => "bad_payload",
    /// The stream is not the one that we receive.
    UnknownSsrc => "unknown_ssrc",
    /// One more stream than a leg may have.
    TooManySsrcs => "too_many_ssrcs",
    /// The authentication tag is wrong: forged, damaged, or of another key.
    AuthenticationFailed => "authentication_failed",
    /// This packet index was received before (RFC 3711 3.3.2).
    Replayed => "replayed",
    /// Too old for the replay list to tell (RFC 3711 3.3.2).
    TooOld => "too_old",
    /// SRTCP without the E bit: a downgrade.
    SrtcpNotEncrypted => "srtcp_not_encrypted",
    /// Not from the address that the leg listens to.
    WrongSource => "wrong_source",
    /// The leg has no keys or no codec yet.
    NotReady => "not_ready",
    /// The jitter buffer holds this packet already.
    Duplicate => "duplicate",
    /// Came after its playout time.
    Late => "late",
    /// More a second than voice ever is.
    TooFast => "too_fast",
    /// No room to store it.
    Overrun => "overrun",
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many packets were dropped, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropCounters {
    counts: [u64; DropReason::ALL.len()],
}

impl DropCounters {
    /// Counters at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self { counts: [0; DropReason::ALL.len()] }
    }

    /// Counts one packet.
    pub const fn count(&mut self, reason: DropReason) {
        self.counts[reason as usize] += 1;
    }

    /// How many packets were dropped for `reason`.
    #[must_use]
    pub const fn of(&self, reason: DropReason) -> u64 {
        self.counts[reason as usize]
    }

    /// How many packets were dropped at all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds the counts of another leg or half.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
    }

    /// Every reason's name and count, zeros included.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        DropReason::ALL.iter().map(|reason| (reason.name(), self.of(*reason)))
    }
}

impl fmt::Display for DropCounters {
    /// Those that there are: `wrong_source 3, replayed 1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, count)) in self.iter().filter(|(_, count)| *count > 0).enumerate() {
            write!(f, "{}{name} {count}", if place > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

impl Default for DropCounters {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_reason_has_its_own_counter_and_name() {
        let mut counters = DropCounters::new();
        for (times, reason) in DropReason::ALL.into_iter().enumerate() {
            for _ in 0..times {
                counters.count(reason);
            }
        }
        for (times, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(counters.of(reason), times as u64, "{reason}");
        }
        let names: HashSet<_> = counters.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), DropReason::ALL.len());
        assert!(counters.iter().any(|entry| entry == ("overrun", DropReason::ALL.len() as u64 - 1)));
    }

    #[test]
    fn counters_of_two_halves_add_up() {
        let (mut receiver, mut transport) = (DropCounters::new(), DropCounters::default());
        receiver.count(DropReason::Late);
        transport.count(DropReason::Late);
        transport.count(DropReason::Replayed);
        receiver.add(&transport);
        assert_eq!(receiver.of(DropReason::Late), 2);
        assert_eq!(receiver.total(), 3);
    }
}
