//! What became of packets, by the glossary's words.

/// Counts since the beginning, all in packets.
///
/// Every packet that came is in one of `played`, `late`, `duplicate` and `discarded`, or still waits.
/// Every packet that was sent came at least once or is in `lost`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JitterCounters {
    /// Came in.
    pub received: u64,
    /// Given out at its time.
    pub played: u64,
    /// Came after its time, or waited so long that it was left out.
    pub late: u64,
    /// Never came, as far as is known now: one that comes late after all is moved to `late`.
    pub lost: u64,
    /// Came again.
    pub duplicate: u64,
    /// Of those in time: came after one that was sent later.
    pub reordered: u64,
    /// Times that a packet's length of media had to be made without its packet.
    pub concealed: u64,
    /// Left out because their stream had ended or begun anew, or for lack of room.
    pub discarded: u64,
}
