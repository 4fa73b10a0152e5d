//! Whom the store names in vain: told, and nobody else waits for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use webtrunk_signalling::auth::issuer::customer_of;

use super::error::Fault;
use super::{Config, Webhook};
use crate::people::{Named, Roll, Row};
use crate::rest::calls::bare;

const WEBHOOK: &str = "webhook";
const NUMBER: &str = "number";

/// Somebody, or a key, of the store that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// `user`, `customer`, `key`, `API key`, `account password`, a `number` of a customer, or the file's `webhook` of one.
    pub(crate) what: &'static str,
    pub(crate) name: String,
    /// Why.
    pub(crate) fault: String,
}

impl LeftOut {
    /// A hook of the file whose customer is not there.
    pub(super) fn webhook(hook: Webhook) -> Self {
        let customer = hook.customer.unwrap_or_default();
        let fault = format!("its customer {customer:?} is nowhere, or is disabled");
        Self { what: WEBHOOK, name: hook.name, fault }
    }

    /// Whether a change of another may leave it out: what is the file's goes with its customer, and the next who shares a number has it
    /// instead. Who is given another's number is refused before.
    pub(crate) fn is_let_go(&self) -> bool {
        [WEBHOOK, NUMBER].contains(&self.what)
    }

    /// Whether it is whom a row names.
    pub(crate) fn is(&self, row: &Row) -> bool {
        let (what, name) = match row {
            Row::User(name, _) => ("user", name),
            Row::Customer(name, _) => ("customer", name),
            Row::Key(id, _) => ("key", id),
            Row::ApiKey(id, _) => ("API key", id),
            // What is wrong with it is wrong with its user.
            Row::Upstream((user, _), _) => ("user", user),
            Row::AccountPassword(name, _) => ("account password", name),
        };
        self.what == what && self.name == *name
    }
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}: {}", self.what, self.name, self.fault)
    }
}

/// How many of each kind are not there, each of them once however much is wrong with it.
pub(crate) fn counted(left_out: &[LeftOut]) -> BTreeMap<&'static str, usize> {
    let each: BTreeSet<_> = left_out.iter().map(|one| (one.what, one.name.as_str())).collect();
    let mut counts = BTreeMap::new();
    each.into_iter().for_each(|(what, _)| *counts.entry(what).or_default() += 1);
    counts
}

/// Takes those out that the file has too.
pub(super) fn twice(roll: &mut Roll, named: &Named) -> Vec<LeftOut> {
    let mut left_out = Vec::new();
    let mut leave = |what, name: &String| {
        let fault = format!("the configuration file has a {what} of this name");
        left_out.push(LeftOut { what, name: name.clone(), fault });
    };
    roll.users.keys().filter(|name| named.users.contains(*name)).for_each(|name| leave("user", name));
    roll.customers
        .keys()
        .filter(|name| named.customers.contains(*name))
        .for_each(|name| leave("customer", name));
    roll.keys.keys().filter(|id| named.keys.contains(*id)).for_each(|id| leave("key", id));
    roll.api_keys.keys().filter(|id| named.api_keys.contains(*id)).for_each(|id| leave("API key", id));
    let passwords = roll.account_passwords.keys().filter(|name| named.account_passwords.contains(*name));
    passwords.for_each(|name| leave("account password", name));
    roll.users.retain(|name, _| !named.users.contains(name));
    roll.customers.retain(|name, _| !named.customers.contains(name));
    roll.keys.retain(|id, _| !named.keys.contains(id));
    roll.api_keys.retain(|id, _| !named.api_keys.contains(id));
    roll.account_passwords.retain(|name, _| !named.account_passwords.contains(name));
    left_out
}

/// Takes numbers out that another customer has, which a store may tell that was written before this was refused: the file's customers
/// go before the store's, and of these the first by name.
pub(super) fn shared_numbers(roll: &mut Roll, named: &Named) -> Vec<LeftOut> {
    let mut owners: HashMap<String, String> = named.numbers.clone();
    let mut left_out = Vec::new();
    for (name, customer) in roll.customers.iter_mut().filter(|(_, customer)| customer.terms.enabled) {
        customer.terms.numbers.retain(|number| {
            let owner = owners.entry(bare(number).to_owned()).or_insert_with(|| name.clone());
            let is_own = *owner == *name;
            if !is_own {
                let fault = format!(
                    "is of the customers {owner:?} and {name:?}, of whom the first has it; take it out of one of them"
                );
                left_out.push(LeftOut { what: NUMBER, name: number.clone(), fault });
            }
            is_own
        });
    }
    left_out
}

/// Takes those users out whose customer is nowhere: nobody's limits would be theirs, and whoever is a customer of that name later has
/// others' users.
pub(super) fn without_customer(roll: &mut Roll, named: &Named) -> Vec<LeftOut> {
    let Roll { users, customers, .. } = roll;
    let absent = |name: &str| {
        let owner = customer_of(name)?;
        (!customers.contains_key(owner) && !named.customers.contains(owner)).then(|| owner.to_owned())
    };
    let mut left_out = Vec::new();
    users.retain(|name, _| {
        let Some(owner) = absent(name) else { return true };
        let fault = format!(
            "there is no customer {owner:?}, whose user it would be; add that one, or remove the user"
        );
        left_out.push(LeftOut { what: "user", name: name.clone(), fault });
        false
    });
    left_out
}

/// Takes those out of whom faults tell behind the file's own lines.
pub(super) fn take_out(roll: &mut Roll, faults: &[Fault], lines: usize, alone: &Config) -> Vec<LeftOut> {
    let users: Vec<_> = roll.users_in_force().map(|(name, _)| name.clone()).collect();
    let enabled_customers = roll.customers.iter().filter(|(_, customer)| customer.terms.enabled);
    let customers: Vec<_> = enabled_customers.map(|(name, _)| name.clone()).collect();
    let mut left_out = Vec::new();
    for fault in faults.iter().filter(|fault| fault.line > lines) {
        let kinds = [
            ("user", "users[", &users, alone.users.len()),
            ("customer", "customers[", &customers, alone.entry.customers.len()),
        ];
        for (what, prefix, names, in_file) in kinds {
            let Some((index, key)) = fault.key.strip_prefix(prefix).and_then(|rest| rest.split_once(']'))
            else {
                continue;
            };
            let place = index.parse::<usize>().ok().and_then(|index| index.checked_sub(in_file));
            let Some(name) = place.and_then(|place| names.get(place)) else { continue };
            roll.users.retain(|own, _| what != "user" || own != name);
            roll.customers.retain(|own, _| what != "customer" || own != name);
            left_out.push(LeftOut {
                what,
                name: name.clone(),
                fault: told(key.trim_start_matches('.'), fault),
            });
        }
    }
    left_out
}

/// A fault without the place in a text that nobody wrote.
pub(super) fn told(key: &str, Fault { value, problem, cure, .. }: &Fault) -> String {
    match value {
        Some(value) if !key.is_empty() => format!("{key} = {value}: {problem}; {cure}"),
        None if !key.is_empty() => format!("{key}: {problem}; {cure}"),
        _ => format!("{problem}; {cure}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_with_two_faults_is_one_who_is_left_out() {
        let one = |what, name: &str, fault: &str| {
            let (name, fault) = (name.to_owned(), fault.to_owned());
            LeftOut { what, name, fault }
        };
        let left_out = [
            one("user", "carol", "calls_max = 0"),
            one("user", "carol", "mailbox = \"\""),
            one("user", "dora", "calls_max = 0"),
            one("customer", "carol", "trunks[0] = \"pstn\""),
        ];
        assert_eq!(counted(&left_out), BTreeMap::from([("customer", 1), ("user", 2)]));
    }
}
