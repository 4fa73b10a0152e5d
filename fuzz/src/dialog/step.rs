//! What may happen, as it is read from an input's octets: whoever changes it changes what the corpus means.

use arbitrary::Arbitrary;

use super::body::Body;
use super::fields::Extra;

/// One thing that happens.
#[derive(Debug, Arbitrary)]
pub(super) enum Step<'a> {
    /// The peer asks, in a dialog that the peer opened, in one that we opened, or in none: by the lower two bits of `place`. The others
    /// say what it can ([`put_abilities`](super::fields::put_abilities)) and, where we opened it, by which tag of [`TAGS`](super::TAGS).
    Request { method: u8, place: u8, which: u8, branch: u8, flow: u8, body: Body<'a>, extra: Extra<'a> },
    /// The peer says again what it said.
    Again { which: u8, flow: u8 },
    /// The peer answers one of our requests, by the tag that is left of `tag` by three. The rest says what it can, and whether
    /// it wants a PRACK.
    Response { which: u8, status: u8, tag: u8, body: Body<'a>, extra: Extra<'a> },
    /// The peer writes whatever it likes.
    Octets { octets: &'a [u8], flow: u8 },
    /// The gateway calls.
    Dial { is_trunk: bool, has_offer: bool, reach: bool, flow: u8 },
    /// The gateway wants something of a leg.
    Command { which: u8, kind: u8, detail: u8 },
    /// A stream closes, a peer is not there, or a name leads to where it is.
    Broken { flow: u8, kind: u8 },
    /// Time passes: in tenths of a second.
    Wait { tenths: u16 },
    /// The gateway writes.
    Text { is_trunk: bool, length: u16, flow: u8 },
}
