//! Where whom the gateway knows is looked up and changed: by the command line, and by whoever has a key of the REST API.
//!
//! ```text
//! People --- Change ---> desk (the task that reads the configuration again) --- checked --- written --- taken up ---> Made
//! People <-- Known ------ the same
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::PeopleError;
use super::change::{Change, Made, Named};
use super::roll::Roll;
use super::shown::{ShownAccountPassword, ShownApiKey, ShownCustomer, ShownKey, ShownUpstream, ShownUser};
use super::turns::{OF_CUSTOMER_MAX, Turn, Turns};

/// A change that somebody waits for.
pub(crate) struct Asked {
    pub(crate) change: Change,
    /// The customer whose back end asks; `None` is the operator.
    pub(crate) by: Option<String>,
    /// Its place among those that wait, until the change is made, whether or not somebody waits for the reply.
    pub(crate) turn: Turn,
    pub(crate) reply: oneshot::Sender<Result<Made, PeopleError>>,
}

/// Whom the gateway knows: cheap to clone.
#[derive(Clone)]
pub struct People {
    asked: mpsc::Sender<Asked>,
    known: watch::Receiver<Arc<Known>>,
    turns: Turns,
}

/// Where changes are made.
pub struct Desk {
    pub(crate) asked: mpsc::Receiver<Asked>,
    known: watch::Sender<Arc<Known>>,
}

/// What there is.
#[derive(Debug, Default)]
struct Known {
    /// `None` where the store keeps none.
    roll: Option<Roll>,
    named: Named,
    /// How many of each kind are named in vain.
    left_out: BTreeMap<&'static str, usize>,
}

/// Changes that may wait. Chosen by us: past it, who asks waits for its turn.
const WAITING: usize = 64;

impl People {
    /// Where they are looked up, and where they are changed.
    #[must_use]
    pub fn channel() -> (Self, Desk) {
        let (sender, asked) = mpsc::channel(WAITING);
        let (tell, known) = watch::channel(Arc::default());
        (Self { asked: sender, known, turns: Turns::default() }, Desk { asked, known: tell })
    }

    /// Makes a change: when this returns it is kept, and on its way to all adapters. `by` is the customer whose back end asks, `None` the
    /// operator.
    ///
    /// # Errors
    /// [`PeopleError`]; nothing was changed, unless it is [`PeopleError::Unsure`].
    pub async fn change(&self, by: Option<&str>, change: Change) -> Result<Made, PeopleError> {
        let (reply, told) = oneshot::channel();
        let turn = self.turns.take(by).ok_or(PeopleError::Busy { most: OF_CUSTOMER_MAX })?;
        let by = by.map(str::to_owned);
        self.asked.send(Asked { change, by, turn, reply }).await.map_err(|_| PeopleError::NotNow)?;
        told.await.unwrap_or(Err(PeopleError::NotNow))
    }

    /// All users, by their names; of those in the file, no more than that.
    #[must_use]
    pub fn users(&self) -> Vec<ShownUser> {
        let known = self.known();
        let in_file = known.named.users.iter().map(|name| ShownUser::in_file(name));
        let stored = known.roll.iter().flat_map(|roll| &roll.users);
        let stored = stored.map(|(name, user)| ShownUser::stored(name, user));
        by_name(stored.chain(in_file).map(|user| (user.name.clone(), user)))
    }

    /// All customers, by their names.
    #[must_use]
    pub fn customers(&self) -> Vec<ShownCustomer> {
        let known = self.known();
        let in_file = known.named.customers.iter().map(|name| ShownCustomer::in_file(name));
        let stored = known.roll.iter().flat_map(|roll| &roll.customers);
        let stored = stored.map(|(name, customer)| ShownCustomer::stored(name, customer));
        by_name(stored.chain(in_file).map(|customer| (customer.name.clone(), customer)))
    }

    /// All keys of names and tokens, by their ids; their secrets are told nobody.
    #[must_use]
    pub fn keys(&self) -> Vec<ShownKey> {
        let known = self.known();
        let in_file = known.named.keys.iter().map(|id| ShownKey::in_file(id));
        let stored = known.roll.iter().flat_map(|roll| &roll.keys).map(|(id, key)| ShownKey::stored(id, key));
        by_name(stored.chain(in_file).map(|key| (key.id.clone(), key)))
    }

    /// The keys of back ends, by their ids, revoked ones too; the keys themselves are known to nobody here.
    #[must_use]
    pub fn api_keys(&self) -> Vec<ShownApiKey> {
        let known = self.known();
        let in_file = known.named.api_keys.iter().map(|id| ShownApiKey::in_file(id));
        let stored = known.roll.iter().flat_map(|roll| &roll.api_keys);
        let stored = stored.map(|(id, key)| ShownApiKey::stored(id, key));
        by_name(stored.chain(in_file).map(|key| (key.id.clone(), key)))
    }

    /// How many of each kind are named in vain: who is another already, or cannot be any more.
    #[must_use]
    pub fn left_out(&self) -> Vec<(&'static str, usize)> {
        self.known().left_out.iter().map(|(what, count)| (*what, *count)).collect()
    }

    /// The accounts at trunks that the store has for a user, by the trunks; their passwords are told nobody.
    #[must_use]
    pub fn upstream(&self, user: &str) -> Vec<ShownUpstream> {
        let known = self.known();
        let own = known.roll.iter().flat_map(|roll| roll.upstream_of(user));
        own.map(|(trunk, account)| ShownUpstream::stored(trunk, account)).collect()
    }

    /// All passwords that tokens name, by their names; what they are is told nobody.
    #[must_use]
    pub fn account_passwords(&self) -> Vec<ShownAccountPassword> {
        let known = self.known();
        let in_file = known.named.account_passwords.iter().map(|name| ShownAccountPassword::in_file(name));
        let stored = known.roll.iter().flat_map(|roll| &roll.account_passwords);
        let stored = stored.map(|(name, own)| ShownAccountPassword::stored(name, own));
        by_name(stored.chain(in_file).map(|own| (own.name.clone(), own)))
    }

    /// Whether the store has this user, and lets it not in now: it, or its customer, is disabled.
    #[must_use]
    pub fn has_disabled(&self, user: &str) -> bool {
        self.known().roll.as_ref().is_some_and(|roll| roll.has_disabled(user))
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.borrow())
    }
}

impl Desk {
    /// Tells whom there is from now on, and how many of each kind are left out; `roll` is `None` where the store keeps none.
    pub(crate) fn tell(&self, roll: Option<Roll>, named: Named, left_out: BTreeMap<&'static str, usize>) {
        self.known.send_replace(Arc::new(Known { roll, named, left_out }));
    }
}

/// What stands in the file goes before what the store has.
fn by_name<T>(all: impl Iterator<Item = (String, T)>) -> Vec<T> {
    all.collect::<BTreeMap<_, _>>().into_values().collect()
}
