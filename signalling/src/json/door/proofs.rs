//! What the proofs of pages are checked by.

use std::collections::HashMap;
use std::sync::Arc;

use crate::accounts::AccountTrunks;
use crate::auth::digest::Credentials;
use crate::auth::ephemeral::EphemeralKeys;
use crate::auth::ice_servers::IceSources;
use crate::auth::secret::SecretText;
use crate::auth::token::Keyring;
use crate::sip::passing::HeaderRange;

/// What proofs are checked by.
#[derive(Clone)]
pub struct Proofs {
    /// The keys of tokens.
    pub tokens: Keyring,
    /// The secrets of names that last for a while; they name nobody of a customer's.
    pub ephemeral: EphemeralKeys,
    /// Those of the edge, by which two hops make names, customers' among them.
    pub edge: EphemeralKeys,
    /// The users and their hashes.
    pub users: Arc<dyn Credentials + Send + Sync>,
    /// Where tokens may have accounts.
    pub trunks: AccountTrunks,
    /// The passwords of accounts that tokens name.
    pub passwords: AccountPasswords,
    /// What customers own, whose tokens name users of their own: `alice` is `acme+alice` to everybody else.
    pub customers: HashMap<String, Owned>,
    /// Whether there are customers at all, though none may be there now: then nobody is the user of one that is not there.
    pub has_customers: bool,
    /// What pages are given for `RTCPeerConnection`.
    pub ice: IceSources,
    /// Whether calls can be recorded.
    pub has_recordings: bool,
    /// The headers that pages may say with their calls, and are told of those of others.
    pub headers: Vec<HeaderRange>,
}

/// What a customer owns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owned {
    /// Its numbers, of which its tokens show one.
    pub numbers: Vec<String>,
    /// The trunks at which alone its tokens may have accounts; none, at all that take some.
    pub trunks: Vec<String>,
}

/// Passwords that the gateway keeps, by the names by which tokens name them.
pub type AccountPasswords = HashMap<String, AccountPassword>;

/// A password that the gateway keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPassword {
    /// Whose tokens may name it; `None`, those that are of nobody in particular.
    pub customer: Option<String>,
    /// It.
    pub password: SecretText,
}
