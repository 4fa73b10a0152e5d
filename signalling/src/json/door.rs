//! Who a page is: tokens, names that last for a while, and passwords, and how often somebody may guess at them.

mod proofs;
mod refused;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use tracing::warn;

use super::protocol::Proof;
use crate::accounts::{AccountTrunks, HeldAccount, NoTrunk};
use crate::adapter::{Party, RecordingPolicy};
use crate::auth::digest::{Algorithm, Credentials, Ha1};
use crate::auth::ephemeral::EphemeralKeys;
use crate::auth::ice_servers::{IceServer, IceSources};
use crate::auth::issuer::{CUSTOMER_MARK, customer_of, user_of_customer};
use crate::auth::limits::{FailureLimits, Proof as Reach};
use crate::auth::secret::SecretText;
use crate::auth::token::{
    Account, Arrival, Credential, Format, Grant, Recording, TokenDoor, TokenKeeper, UsedToken,
};
use crate::auth::validity::UnixTime;

pub use proofs::{AccountPassword, AccountPasswords, Owned, Proofs};
pub(super) use refused::ANSWER;
use refused::Refused;

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
    /// What it came by.
    means: Means,
    /// Whether the configuration had the user then.
    is_configured: bool,
    /// Whether nobody on the way could read the proof.
    was_encrypted: bool,
}

impl Identity {
    /// Whether it came by a token that anybody may forge who has one.
    pub(super) fn is_forgeable(&self) -> bool {
        self.grant.as_ref().is_some_and(|granted| granted.grant.format == Format::Legacy)
    }

    /// What its token says of how it is recorded.
    pub(super) fn recording(&self) -> RecordingPolicy {
        match self.grant.as_ref().and_then(|granted| granted.grant.claims.recording) {
            Some(Recording::Always) => RecordingPolicy::Always,
            Some(Recording::Never) => RecordingPolicy::Never,
            Some(Recording::OnDemand) | None => RecordingPolicy::ByRule,
        }
    }
}

/// What a page came by, to know later whether it could still.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Means {
    /// A token; its key is the grant's.
    Token,
    /// A name that lasts for a while, and the key that it names.
    Name(Option<String>),
    /// A password of this hash.
    Password(Ha1),
}

/// A token's limits, and what the token is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) grant: Grant,
    pub(super) token: TokenId,
}

/// The hash of what a token is known by.
pub(super) type TokenId = [u8; 32];

/// Lets pages in.
pub(super) struct Door {
    tokens: TokenDoor,
    ephemeral: EphemeralKeys,
    edge: EphemeralKeys,
    users: Arc<dyn Credentials + Send + Sync>,
    trunks: AccountTrunks,
    passwords: AccountPasswords,
    customers: HashMap<String, Owned>,
    has_customers: bool,
    ice: IceSources,
    has_recordings: bool,
    takes_passwords: bool,
    realm: String,
    failures: FailureLimits,
}

impl Door {
    pub(super) fn new(proofs: Proofs, takes_passwords: bool, realm: String) -> Self {
        warn_where_forgeable(proofs.tokens.takes_forgeable());
        Self {
            tokens: TokenDoor::new(proofs.tokens),
            ephemeral: proofs.ephemeral,
            edge: proofs.edge,
            users: proofs.users,
            trunks: proofs.trunks,
            passwords: proofs.passwords,
            customers: proofs.customers,
            has_customers: proofs.has_customers,
            ice: proofs.ice,
            has_recordings: proofs.has_recordings,
            takes_passwords,
            realm,
            failures: FailureLimits::default(),
        }
    }

    /// Remembers the tokens that were used before a restart, and has those kept that are used from now on.
    pub(super) fn remember(&mut self, kept: &[UsedToken], keeper: Option<Arc<dyn TokenKeeper>>) {
        self.tokens.remember(kept, keeper);
    }

    /// Takes other keys and users.
    pub(super) fn take_up(&mut self, proofs: Proofs) {
        let is_known = self.tokens.keys().takes_forgeable();
        warn_where_forgeable(proofs.tokens.takes_forgeable() && !is_known);
        self.tokens.set_keys(proofs.tokens);
        self.ephemeral = proofs.ephemeral;
        self.edge = proofs.edge;
        self.users = proofs.users;
        self.trunks = proofs.trunks;
        self.passwords = proofs.passwords;
        self.customers = proofs.customers;
        self.has_customers = proofs.has_customers;
        self.ice = proofs.ice;
        self.has_recordings = proofs.has_recordings;
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
            Proof::Token { token } => return self.by_token(token, entry, wall, now),
            Proof::Ephemeral { name, .. } => name,
            Proof::Password { user, .. } => user,
        };
        if self.failures.must_wait(source, claimed, Reach::Reached, now) {
            return Err(Refused::Waits);
        }
        let admitted = match proof {
            Proof::Ephemeral { password, .. } => self.by_name(claimed, password, entry, wall),
            Proof::Token { token: password } | Proof::Password { password, .. } => {
                self.by_password(claimed, password, entry)
            }
        };
        if admitted.is_err() {
            self.failures.failed(source, claimed, Reach::Reached, now);
        }
        admitted
    }

    /// Whether who came so might come again: its user is there if it was, and its key or password is as it was.
    pub(super) fn still_knows(&self, identity: &Identity) -> bool {
        let is_user = !identity.is_configured || self.has_user(&identity.user);
        is_user
            && !self.is_disabled(&identity.user)
            && match &identity.means {
                Means::Token => identity.grant.as_ref().is_some_and(|granted| {
                    let is_at_own = |account: &HeldAccount| self.may_be_at(&identity.user, &account.trunk);
                    self.has_key(granted)
                        && self.is_customers_still(granted, &identity.user)
                        && identity.account.as_deref().is_none_or(is_at_own)
                }),
                Means::Name(key) => key.as_ref().is_none_or(|key| {
                    let is_edges = self.edge.has(key) && !self.is_of_absent_customer(&identity.user);
                    self.ephemeral.has(key) || is_edges
                }),
                Means::Password(hash) => self.hashes(&identity.user).any(|own| own == *hash),
            }
    }

    /// Whether a session of this page may go on by a connection that came so: no less is asked than of the first.
    pub(super) fn may_come_by(&self, identity: &Identity, entry: &Entry) -> bool {
        let arrival = arrival(entry);
        let is_let = |granted: &Granted| self.tokens.keys().may_come(&granted.grant.key, &arrival);
        (entry.is_encrypted || !identity.was_encrypted) && identity.grant.as_deref().is_none_or(is_let)
    }

    fn has_key(&self, granted: &Granted) -> bool {
        self.tokens.keys().keys().iter().any(|key| key.id == granted.grant.key)
    }

    /// Whether the user that a customer's token named is the one that it would name now.
    fn is_customers_still(&self, granted: &Granted, user: &str) -> bool {
        granted.grant.customer.as_ref().is_none_or(|customer| {
            (customer_of(user) == Some(customer.as_str())) == self.customers.contains_key(customer)
        })
    }

    fn has_user(&self, user: &str) -> bool {
        self.hashes(user).next().is_some()
    }

    /// Whether it is somebody who is not let in, whatever is proven.
    fn is_disabled(&self, user: &str) -> bool {
        self.users.is_gone(user, &self.realm)
    }

    /// The hashes of a user, the best first.
    fn hashes(&self, user: &str) -> impl Iterator<Item = Ha1> {
        let algorithms = [Algorithm::Sha256, Algorithm::Md5].into_iter();
        algorithms.filter_map(move |algorithm| self.users.ha1(user, &self.realm, algorithm))
    }

    fn by_token(
        &mut self,
        token: &SecretText,
        entry: &Entry,
        wall: SystemTime,
        now: Instant,
    ) -> Result<Identity, Refused> {
        let grant = self.tokens.admit(token.expose(), &arrival(entry), wall, now)?;
        let claims = &grant.claims;
        if claims.recording == Some(Recording::Always) && !self.has_recordings {
            return Err(Refused::NoRecordings);
        }
        let of_account = claims.account.as_ref().map(|account| &account.user);
        let user = claims.subject.as_ref().or(of_account).ok_or(Refused::Nobody)?.clone();
        let customer = grant.customer.as_ref().filter(|customer| self.customers.contains_key(*customer));
        // One that was taken out of the configuration would name everybody's users.
        if let (Some(named), None, true) = (&grant.customer, customer, self.has_customers) {
            return Err(Refused::Customer(named.clone()));
        }
        let owned = customer.and_then(|customer| self.customers.get(customer));
        if let (Some(shown), Some(owned)) = (&claims.caller_id, owned)
            && !owned.numbers.contains(shown)
        {
            return Err(Refused::Number(shown.clone()));
        }
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
        if self.is_disabled(&user) {
            return Err(Refused::Disabled(user));
        }
        let account = match &claims.account {
            Some(account) => self.account(account, &user, &grant)?,
            None => None,
        };
        let visible = claims.account.as_ref().and_then(|account| account.visible_name.clone());
        let shown = Party {
            user: claims.caller_id.clone().unwrap_or_else(|| user.clone()),
            display_name: visible.unwrap_or_default(),
        };
        let token = token_id(token.expose(), &grant);
        let is_configured = self.has_user(&user);
        let (grant, was_encrypted) = (Some(Box::new(Granted { grant, token })), entry.is_encrypted);
        Ok(Identity { user, shown, grant, account, means: Means::Token, is_configured, was_encrypted })
    }

    /// Whether a name is one of a customer's users, whom its tokens alone may name.
    fn is_of_customer(&self, user: &str) -> bool {
        customer_of(user).is_some_and(|named| self.customers.contains_key(named))
    }

    /// Whether a user is of a customer that is not there, or not now: nobody's limits, trunks and networks would be its own.
    fn is_of_absent_customer(&self, user: &str) -> bool {
        let is_absent = |named: &str| !self.customers.contains_key(named);
        self.has_customers && customer_of(user).is_some_and(is_absent) && !self.has_user(user)
    }

    /// Whether a user may have an account at this trunk.
    fn may_be_at(&self, user: &str, trunk: &str) -> bool {
        let owned = customer_of(user).and_then(|customer| self.customers.get(customer));
        owned.is_none_or(|owned| owned.trunks.is_empty() || owned.trunks.iter().any(|own| own == trunk))
    }

    /// The account that a user's token brings, where it is more than a name.
    fn account(
        &self,
        account: &Account,
        of_user: &str,
        grant: &Grant,
    ) -> Result<Option<Box<HeldAccount>>, Refused> {
        let password = match &account.credential {
            None if account.hosts().next().is_some() => return Err(Refused::NoPassword),
            None => return Ok(None),
            Some(Credential::Password(password)) => password,
            Some(Credential::Reference(name)) => {
                let kept = self.passwords.get(name).filter(|kept| kept.customer == grant.customer);
                &kept.ok_or_else(|| Refused::UnknownPassword(name.clone()))?.password
            }
        };
        let trunk = self.trunks.of(account)?;
        // It may have named none: the only trunk is meant then.
        if !self.tokens.keys().may_have_accounts_at(&grant.key, [&trunk.host, &trunk.domain]) {
            return Err(NoTrunk::Unknown.into());
        }
        if !self.may_be_at(of_user, &trunk.name) {
            return Err(NoTrunk::NotOwn.into());
        }
        Ok(Some(Box::new(HeldAccount {
            trunk: trunk.name.clone(),
            user: account.user.clone(),
            auth_name: account.auth_name.clone().unwrap_or_else(|| account.user.clone()),
            password: password.clone(),
            of_user: of_user.to_owned(),
            registers: account.register,
        })))
    }

    fn by_name(
        &self,
        name: &str,
        password: &SecretText,
        entry: &Entry,
        wall: SystemTime,
    ) -> Result<Identity, Refused> {
        let now = UnixTime::from(wall);
        let by_edge = self.edge.verify(name, password, now);
        let is_edges = by_edge.is_ok();
        let known = by_edge.or_else(|refused| match self.ephemeral.is_empty() {
            true => Err(refused),
            false => self.ephemeral.verify(name, password, now),
        })?;
        let user = known.user.ok_or(Refused::Nobody)?;
        let is_others = if is_edges { self.is_of_absent_customer(user) } else { self.is_of_customer(user) };
        if is_others {
            return Err(Refused::Name(user.to_owned()));
        }
        if self.is_disabled(user) {
            return Err(Refused::Disabled(user.to_owned()));
        }
        Ok(self.of_user(user, Means::Name(known.key.map(str::to_owned)), entry))
    }

    fn by_password(&self, user: &str, password: &SecretText, entry: &Entry) -> Result<Identity, Refused> {
        if !self.takes_passwords {
            return Err(Refused::NoPasswords);
        }
        if !entry.is_encrypted && !entry.remote.ip().to_canonical().is_loopback() {
            return Err(Refused::NotEncrypted);
        }
        let known = self.hashes(user).next();
        // Who is not known takes as long.
        let algorithm = known.as_ref().map_or(Algorithm::Sha256, Ha1::algorithm);
        let given = Ha1::new(algorithm, user, &self.realm, password.expose());
        let is_right =
            known.is_some_and(|known| bool::from(known.as_hex().as_bytes().ct_eq(given.as_hex().as_bytes())));
        if is_right { Ok(self.of_user(user, Means::Password(given), entry)) } else { Err(Refused::Password) }
    }

    fn of_user(&self, user: &str, means: Means, entry: &Entry) -> Identity {
        Identity {
            user: user.to_owned(),
            shown: Party { user: user.to_owned(), display_name: String::new() },
            grant: None,
            account: None,
            means,
            is_configured: self.has_user(user),
            was_encrypted: entry.is_encrypted,
        }
    }
}

/// Whoever starts the gateway is told, whatever they meant.
fn warn_where_forgeable(is_so: bool) {
    if is_so {
        warn!(
            "tokens without a MAC are taken (legacy_tokens): whoever has one reads and forges others; append a MAC (kind = \"bridge\")"
        );
    }
}

fn arrival(entry: &Entry) -> Arrival<'_> {
    Arrival {
        source: entry.remote.ip().to_canonical(),
        is_encrypted: entry.is_encrypted,
        origin: entry.origin.as_deref(),
    }
}

/// What a token is known by: its own name, where it has one. Signatures are left out: by ECDSA one token has two.
fn token_id(token: &str, grant: &Grant) -> TokenId {
    let named = grant.claims.id.as_ref().map(|id| format!("{}\n{id}", grant.key));
    let signed = token.rsplit_once('.').map(|(signed, _)| signed).filter(|_| grant.format == Format::Jwt);
    Sha256::digest(named.as_deref().or(signed).unwrap_or(token)).into()
}

/// What users' names are made of in a configuration: a token's `sub` is compared with them.
fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::secret::SecretOctets;
    use crate::auth::token::{Claims, KeyKind, Keyring, Terms, TokenKey, sealed::SealingKey};
    use crate::auth::validity::Validity;

    fn grant(format: Format, more: &str) -> Grant {
        let sealing = SealingKey::new(SecretOctets::new(vec![7; 32])).expect("32 octets");
        let terms = Terms::default();
        let key = TokenKey::new("k".to_owned(), KeyKind::Sealed(sealing), Validity::default(), terms);
        let key = key.expect("a key");
        let claims = format!(r#"{{"aud":"x","iat":1,"exp":60,"sub":"alice"{more}}}"#);
        let claims = Claims::from_json(&claims).expect("claims");
        let text = key.make(&claims, rand::random(), UnixTime(2)).expect("a token");
        let arrival = Arrival { source: [192, 0, 2, 1].into(), is_encrypted: true, origin: None };
        let wall = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(2);
        let admitted = TokenDoor::new(Keyring::new(vec![key])).admit(&text, &arrival, wall, Instant::now());
        let mut grant = admitted.expect("a good token");
        grant.format = format;
        grant
    }

    #[test]
    fn a_token_is_known_by_what_is_signed_and_by_its_name_where_it_has_one() {
        let jwt = grant(Format::Jwt, "");
        assert_eq!(token_id("head.body.one", &jwt), token_id("head.body.other", &jwt));
        assert_ne!(token_id("head.body.one", &jwt), token_id("head.another.one", &jwt));
        let sealed = grant(Format::Sealed, "");
        assert_ne!(token_id("wt1.k.one", &sealed), token_id("wt1.k.other", &sealed));
        let named = grant(Format::Sealed, r#","jti":"7""#);
        assert_eq!(token_id("wt1.k.one", &named), token_id("wt1.k.other", &named));
        assert_ne!(token_id("x", &named), token_id("x", &grant(Format::Sealed, r#","jti":"8""#)));
    }
}
