//! Who a page is: tokens, names that last for a while, and passwords, and how often somebody may guess at them.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::protocol::Proof;
use crate::accounts::{AccountTrunks, HeldAccount, NoTrunk};
use crate::adapter::Party;
use crate::auth::digest::{Algorithm, Credentials, Ha1};
use crate::auth::ephemeral::EphemeralKeys;
use crate::auth::ice_servers::{IceServer, IceSources};
use crate::auth::issuer::{CUSTOMER_MARK, user_of_customer};
use crate::auth::limits::{FailureLimits, Proof as Reach};
use crate::auth::secret::SecretText;
use crate::auth::token::{Account, Arrival, Credential, Grant, Keyring, Recording, TokenDoor};
use crate::auth::validity::UnixTime;

/// What proofs are checked by.
#[derive(Clone)]
pub struct Proofs {
    /// The keys of tokens.
    pub tokens: Keyring,
    /// The secrets of names that last for a while.
    pub ephemeral: EphemeralKeys,
    /// The users and their hashes.
    pub users: Arc<dyn Credentials + Send + Sync>,
    /// Where tokens may have accounts.
    pub trunks: AccountTrunks,
    /// The passwords of accounts that tokens name.
    pub passwords: AccountPasswords,
    /// Customers whose tokens name users of their own: `alice` is `acme+alice` to everybody else.
    pub customers: HashSet<String>,
    /// What pages are given for `RTCPeerConnection`.
    pub ice: IceSources,
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

/// How a connection came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From where.
    pub remote: SocketAddr,
    /// Whether nobody on the way can read it.
    pub is_encrypted: bool,
    /// The page that opened it.
    pub origin: Option<String>,
}

/// Who a page turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// The user by whose rights it acts.
    pub(super) user: String,
    /// What others are shown.
    pub(super) shown: Party,
    /// What its token lets it, where it came by one.
    pub(super) grant: Option<Box<Granted>>,
    /// The account at a provider that it phones by, where its token brought one.
    pub(super) account: Option<Box<HeldAccount>>,
}

/// A token's limits, and what the token is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) grant: Grant,
    pub(super) token: TokenId,
}

/// The hash of a token.
pub(super) type TokenId = [u8; 32];

/// Why a page is not let in, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("its token is refused: {0}")]
    Token(#[from] crate::auth::token::Refusal),
    #[error("its token says nothing of whom it is: it has neither sub nor account")]
    Nobody,
    #[error("its token names {0:?}, which cannot be a user's name")]
    Name(String),
    #[error("its token wants {0}, which the JSON API does not do yet")]
    NotDone(&'static str),
    #[error("{0}")]
    Trunk(#[from] NoTrunk),
    #[error("its account names hosts and no password")]
    NoPassword,
    #[error("its account names the password {0:?}, which is not kept for its customer")]
    UnknownPassword(String),
    #[error("its name {0}")]
    Ephemeral(#[from] crate::auth::ephemeral::EphemeralRefusal),
    #[error("passwords are not taken")]
    NoPasswords,
    #[error("user or password is wrong")]
    Password,
    #[error("too much was wrong that came from there; it has to wait a minute")]
    Waits,
}

/// What whoever is refused is told, whatever is wrong.
pub(super) const ANSWER: &str = "the proof is not accepted";

/// Lets pages in.
pub(super) struct Door {
    tokens: TokenDoor,
    ephemeral: EphemeralKeys,
    users: Arc<dyn Credentials + Send + Sync>,
    trunks: AccountTrunks,
    passwords: AccountPasswords,
    customers: HashSet<String>,
    ice: IceSources,
    takes_passwords: bool,
    realm: String,
    failures: FailureLimits,
}

impl Door {
    pub(super) fn new(proofs: Proofs, takes_passwords: bool, realm: String) -> Self {
        Self {
            tokens: TokenDoor::new(proofs.tokens),
            ephemeral: proofs.ephemeral,
            users: proofs.users,
            trunks: proofs.trunks,
            passwords: proofs.passwords,
            customers: proofs.customers,
            ice: proofs.ice,
            takes_passwords,
            realm,
            failures: FailureLimits::default(),
        }
    }

    /// Takes other keys and users; sessions that there are go on.
    pub(super) fn take_up(&mut self, proofs: Proofs) {
        self.tokens.set_keys(proofs.tokens);
        self.ephemeral = proofs.ephemeral;
        self.users = proofs.users;
        self.trunks = proofs.trunks;
        self.passwords = proofs.passwords;
        self.customers = proofs.customers;
        self.ice = proofs.ice;
    }

    /// What a user's page is given for `RTCPeerConnection`.
    pub(super) fn ice_servers(&self, user: &str, wall: SystemTime) -> Vec<IceServer> {
        self.ice.servers(user, UnixTime::from(wall))
    }

    /// Who it is. `wall` is what calendars say, `now` what passes.
    pub(super) fn admit(
        &mut self,
        proof: &Proof,
        entry: &Entry,
        wall: SystemTime,
        now: Instant,
    ) -> Result<Identity, Refused> {
        let source = entry.remote.ip().to_canonical();
        let claimed = match proof {
            // Nobody guesses those, and who does guess at the web call server's waits at the tokens' own door.
            Proof::Token { token } => return self.by_token(token, source, entry, wall, now),
            Proof::Ephemeral { name, .. } => name,
            Proof::Password { user, .. } => user,
        };
        if self.failures.must_wait(source, claimed, Reach::Reached, now) {
            return Err(Refused::Waits);
        }
        let admitted = match proof {
            Proof::Ephemeral { password, .. } => self.by_name(claimed, password, wall),
            Proof::Token { token: password } | Proof::Password { password, .. } => {
                self.by_password(claimed, password)
            }
        };
        if admitted.is_err() {
            self.failures.failed(source, claimed, Reach::Reached, now);
        }
        admitted
    }

    fn by_token(
        &mut self,
        token: &SecretText,
        source: IpAddr,
        entry: &Entry,
        wall: SystemTime,
        now: Instant,
    ) -> Result<Identity, Refused> {
        let arrival = Arrival { source, is_encrypted: entry.is_encrypted, origin: entry.origin.as_deref() };
        let grant = self.tokens.admit(token.expose(), &arrival, wall, now)?;
        let claims = &grant.claims;
        // A limit that is not kept would be none.
        if matches!(claims.recording, Some(Recording::Always | Recording::Never)) {
            return Err(Refused::NotDone("recording \"always\" or \"never\""));
        }
        let of_account = claims.account.as_ref().map(|account| &account.user);
        let user = claims.subject.as_ref().or(of_account).ok_or(Refused::Nobody)?.clone();
        let customer = grant.customer.as_ref().filter(|customer| self.customers.contains(*customer));
        let user = match customer {
            // It names another's user, or could be taken for it.
            Some(_) if user.contains(CUSTOMER_MARK) => return Err(Refused::Name(user)),
            Some(customer) => user_of_customer(customer, &user),
            None if self.is_of_customer(&user) => return Err(Refused::Name(user)),
            None => user,
        };
        if !is_name(&user) {
            return Err(Refused::Name(user));
        }
        let account = match &claims.account {
            Some(account) => self.account(account, &user, grant.customer.as_deref())?,
            None => None,
        };
        let visible = claims.account.as_ref().and_then(|account| account.visible_name.clone());
        let shown = Party {
            user: claims.caller_id.clone().unwrap_or_else(|| user.clone()),
            display_name: visible.unwrap_or_default(),
        };
        let token = Sha256::digest(token.expose()).into();
        let grant = Some(Box::new(Granted { grant, token }));
        Ok(Identity { user, shown, grant, account })
    }

    /// Whether a name is one of a customer's users, whom its tokens alone may name.
    fn is_of_customer(&self, user: &str) -> bool {
        user.split_once(CUSTOMER_MARK).is_some_and(|(named, _)| self.customers.contains(named))
    }

    /// The account that a user's token brings, where it is more than a name.
    fn account(
        &self,
        account: &Account,
        of_user: &str,
        customer: Option<&str>,
    ) -> Result<Option<Box<HeldAccount>>, Refused> {
        let password = match &account.credential {
            None if account.hosts().next().is_some() => return Err(Refused::NoPassword),
            None => return Ok(None),
            Some(Credential::Password(password)) => password,
            Some(Credential::Reference(name)) => {
                let kept = self.passwords.get(name).filter(|kept| kept.customer.as_deref() == customer);
                &kept.ok_or_else(|| Refused::UnknownPassword(name.clone()))?.password
            }
        };
        let trunk = self.trunks.of(account)?;
        Ok(Some(Box::new(HeldAccount {
            trunk: trunk.name.clone(),
            user: account.user.clone(),
            auth_name: account.auth_name.clone().unwrap_or_else(|| account.user.clone()),
            password: password.clone(),
            of_user: of_user.to_owned(),
            registers: account.register,
        })))
    }

    fn by_name(&self, name: &str, password: &SecretText, wall: SystemTime) -> Result<Identity, Refused> {
        let known = self.ephemeral.verify(name, password, UnixTime::from(wall))?;
        known.user.map(Identity::of_user).ok_or(Refused::Nobody)
    }

    fn by_password(&self, user: &str, password: &SecretText) -> Result<Identity, Refused> {
        if !self.takes_passwords {
            return Err(Refused::NoPasswords);
        }
        let known = [Algorithm::Sha256, Algorithm::Md5]
            .into_iter()
            .find_map(|algorithm| self.users.ha1(user, &self.realm, algorithm));
        // Who is not known takes as long.
        let algorithm = known.as_ref().map_or(Algorithm::Sha256, Ha1::algorithm);
        let given = Ha1::new(algorithm, user, &self.realm, password.expose());
        let is_right =
            known.is_some_and(|known| bool::from(known.as_hex().as_bytes().ct_eq(given.as_hex().as_bytes())));
        if is_right { Ok(Identity::of_user(user)) } else { Err(Refused::Password) }
    }
}

impl Identity {
    fn of_user(user: &str) -> Self {
        let shown = Party { user: user.to_owned(), display_name: String::new() };
        Self { user: user.to_owned(), shown, grant: None, account: None }
    }
}

/// What users' names are made of in a configuration: a token's `sub` is compared with them.
fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(is_allowed)
}
