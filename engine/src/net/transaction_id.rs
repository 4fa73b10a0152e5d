//! The transaction of a STUN message (RFC 8489 5): by it a response finds its request.

pub(super) const STUN_HEADER: usize = 20;
pub(super) const STUN_MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
pub(super) const STUN_BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
/// Success and failure.
pub(super) const STUN_BINDING_ANSWERS: [[u8; 2]; 2] = [[0x01, 0x01], [0x01, 0x11]];

/// Which Binding request a response belongs to: 96 bits, random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionId([u8; 12]);

impl TransactionId {
    /// That of a Binding request; `None` when it is none.
    #[must_use]
    pub fn of_request(message: &[u8]) -> Option<Self> {
        Self::of(message).filter(|_| message.starts_with(&STUN_BINDING_REQUEST))
    }

    /// That of a Binding response, of success or failure; `None` when it is none.
    #[must_use]
    pub fn of_answer(message: &[u8]) -> Option<Self> {
        Self::of(message).filter(|_| STUN_BINDING_ANSWERS.iter().any(|kind| message.starts_with(kind)))
    }

    fn of(message: &[u8]) -> Option<Self> {
        let header = message.first_chunk::<STUN_HEADER>()?;
        let (head, id) = header.split_at(8);
        head.ends_with(&STUN_MAGIC_COOKIE).then(|| id.try_into().ok().map(Self))?
    }
}
