//! A change of the passwords that the store keeps to show others: of users' accounts at trunks, and of accounts that tokens name.

use serde_json::Value;
use webtrunk_signalling::auth::secret::SecretText;

use super::PeopleError;
use super::change::{Ground, Made, find, has_room, is_customer, is_free, patched};
use super::roll::{Row, StoredAccountPassword, StoredUpstream, UserAtTrunk};
use super::terms::UpstreamTerms;

/// What is wanted.
#[derive(Debug, Clone)]
pub enum SecretChange {
    /// Another account of a user at a trunk: one of the store's users, which has none there.
    AddUpstream {
        /// The user and the trunk.
        at: UserAtTrunk,
        /// Who the user is there.
        terms: UpstreamTerms,
        /// Its password.
        password: SecretText,
    },
    /// A user's account is to be otherwise.
    ChangeUpstream {
        /// The user and the trunk.
        at: UserAtTrunk,
        /// Its new password.
        password: Option<SecretText>,
        /// What is other of its terms (RFC 7396).
        patch: Value,
    },
    /// A user's account is to go; its registration ends.
    RemoveUpstream(UserAtTrunk),
    /// Another password that tokens name.
    AddAccountPassword {
        /// Its name.
        name: String,
        /// Whose tokens may name it; `None`, those of no customer.
        customer: Option<String>,
        /// The password.
        password: SecretText,
    },
    /// The password of an account is another.
    ChangeAccountPassword {
        /// Its name.
        name: String,
        /// The password.
        password: SecretText,
    },
    /// A password is to go; tokens that name it are refused.
    RemoveAccountPassword(String),
}

/// How many there may be. Chosen by us: an account for each user, and as many passwords as keys.
const UPSTREAM_MAX: usize = 20_000;
const ACCOUNT_PASSWORDS_MAX: usize = 10_000;

/// Longest name of a password, in octets.
const NAME_MAX: usize = 64;

impl SecretChange {
    /// The rows that come of it, and what was changed.
    ///
    /// # Errors
    /// [`PeopleError`], as far as names go and what is patched; whether the terms can be is another question.
    pub(super) fn rows(self, ground: Ground<'_>) -> Result<(Vec<Row>, Made), PeopleError> {
        let Ground { roll, named, .. } = ground;
        let row = match self {
            Self::AddUpstream { at, terms, password } => {
                find("user", &at.0, roll.users.get(&at.0), &named.users)?;
                if roll.upstream.contains_key(&at) {
                    return Err(PeopleError::Taken { what: ACCOUNT, name: shown(&at) });
                }
                has_room("accounts at trunks", roll.upstream.len(), UPSTREAM_MAX)?;
                Row::Upstream(at, Some(StoredUpstream { terms, password: sound(password)? }))
            }
            Self::ChangeUpstream { at, password, patch } => {
                let known = known(&at, ground)?;
                let password = password.map_or_else(|| Ok(known.password.clone()), sound)?;
                let row = StoredUpstream { terms: patched(&known.terms, patch)?, password };
                Row::Upstream(at, Some(row))
            }
            Self::RemoveUpstream(at) => {
                known(&at, ground)?;
                Row::Upstream(at, None)
            }
            Self::AddAccountPassword { name, customer, password } => {
                let is_known = roll.account_passwords.contains_key(&name);
                is_free(PASSWORD, &name, is_known, &named.account_passwords)?;
                has_room("account passwords", roll.account_passwords.len(), ACCOUNT_PASSWORDS_MAX)?;
                let is_line = (1..=NAME_MAX).contains(&name.len()) && !name.contains(char::is_control);
                if !is_line {
                    let fault =
                        format!("name = {name:?}: is no name; write a line of 1 to {NAME_MAX} octets");
                    return Err(PeopleError::faulty(fault));
                }
                if let Some(customer) = &customer {
                    is_customer(customer, ground)?;
                }
                let row = StoredAccountPassword { customer, password: sound(password)? };
                Row::AccountPassword(name, Some(row))
            }
            Self::ChangeAccountPassword { name, password } => {
                let known =
                    find(PASSWORD, &name, roll.account_passwords.get(&name), &named.account_passwords)?;
                let row =
                    StoredAccountPassword { customer: known.customer.clone(), password: sound(password)? };
                Row::AccountPassword(name, Some(row))
            }
            Self::RemoveAccountPassword(name) => {
                find(PASSWORD, &name, roll.account_passwords.get(&name), &named.account_passwords)?;
                Row::AccountPassword(name, None)
            }
        };
        let name = match &row {
            Row::Upstream(at, _) => shown(at),
            Row::AccountPassword(name, _) => name.clone(),
            Row::User(..) | Row::Customer(..) | Row::Key(..) | Row::ApiKey(..) => {
                unreachable!("no change of these makes another row")
            }
        };
        Ok((vec![row], Made { name, secret: None }))
    }
}

/// What there is none of, or one already.
const ACCOUNT: &str = "account at a trunk";
const PASSWORD: &str = "account password";

/// A user's account that there is; those of users in the file stand there.
fn known<'g>(
    at: &UserAtTrunk,
    Ground { roll, named, .. }: Ground<'g>,
) -> Result<&'g StoredUpstream, PeopleError> {
    find("user", &at.0, roll.users.get(&at.0), &named.users)?;
    let unknown = || PeopleError::Unknown { what: ACCOUNT, name: shown(at) };
    roll.upstream.get(at).ok_or_else(unknown)
}

/// A line, which is not empty.
fn sound(password: SecretText) -> Result<SecretText, PeopleError> {
    let is_sound = !password.expose().is_empty() && !password.expose().contains(char::is_control);
    if is_sound { Ok(password) } else { Err(PeopleError::faulty("a password is one line, and not empty")) }
}

fn shown((user, trunk): &UserAtTrunk) -> String {
    format!("{user} at {trunk}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::change::Named;
    use super::super::roll::{Roll, StoredCustomer, StoredUser};
    use super::super::terms::{UpstreamCredentials, UserTerms};
    use super::*;
    use crate::people::Change;
    use webtrunk_signalling::auth::validity::UnixTime;

    fn text(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    /// What comes of changes, one after the other, where the file names a user `alice` and a password `kept`, and the store a customer
    /// `acme` and its user `carol`.
    fn after(changes: Vec<Change>) -> Result<Roll, PeopleError> {
        let name = |name: &str| [name.to_owned()].into();
        let named = Named { users: name("alice"), account_passwords: name("kept"), ..Named::default() };
        let mut roll = Roll::default();
        roll.customers.insert("acme".to_owned(), StoredCustomer::default());
        let user = StoredUser { ha1: [text("a"), text("b")], terms: UserTerms::default() };
        roll.users.insert("acme+carol".to_owned(), user);
        for change in changes {
            let ground = Ground {
                roll: &roll,
                named: &named,
                by: None,
                realm: "webtrunk",
                now: UnixTime(1_764_288_000),
            };
            let (rows, made) = change.rows(ground)?;
            assert_eq!(made.secret, None, "who brings one knows it");
            roll.take(&rows);
        }
        Ok(roll)
    }

    fn at(user: &str, trunk: &str) -> UserAtTrunk {
        (user.to_owned(), trunk.to_owned())
    }

    fn upstream(user: &str, password: &str) -> Change {
        let credentials = UpstreamCredentials { user: "4930".to_owned(), realm: None };
        let terms = UpstreamTerms { user: "4930".to_owned(), expires_s: None, credentials };
        Change::Secret(SecretChange::AddUpstream { at: at(user, "pstn"), terms, password: text(password) })
    }

    fn changed(password: Option<&str>, patch: Value) -> Change {
        let (at, password) = (at("acme+carol", "pstn"), password.map(text));
        Change::Secret(SecretChange::ChangeUpstream { at, password, patch })
    }

    fn password(name: &str, customer: Option<&str>, password: &str) -> Change {
        let (name, customer) = (name.to_owned(), customer.map(str::to_owned));
        Change::Secret(SecretChange::AddAccountPassword { name, customer, password: text(password) })
    }

    fn word(changes: Vec<Change>) -> Result<(), &'static str> {
        after(changes).map(drop).map_err(|error| error.word())
    }

    #[test]
    fn a_users_account_keeps_its_password_until_there_is_another_and_goes_with_its_user() {
        let own = |changes| {
            let roll = after(changes).expect("sound");
            roll.upstream_of("acme+carol").map(|(_, own)| own.clone()).next().expect("it is there")
        };
        let add = || upstream("acme+carol", "sesame");
        let moved = own(vec![
            add(),
            changed(None, json!({"user": "4931", "credentials": {"realm": "pstn.example"}})),
        ]);
        assert_eq!((moved.terms.user.as_str(), moved.password), ("4931", text("sesame")));
        assert_eq!(moved.terms.credentials.user, "4930");
        assert_eq!(own(vec![add(), changed(Some("lentils"), json!({}))]).password, text("lentils"));
        for bad in [json!({"credentials": null}), json!({"trunk": "x"}), json!({"user": null}), json!([])] {
            assert_eq!(word(vec![add(), changed(None, bad.clone())]), Err("faulty"), "{bad}");
        }
        for bad in ["", "one\ntwo", "tab\t"] {
            assert_eq!(word(vec![upstream("acme+carol", bad)]), Err("faulty"), "{bad:?}");
        }
        assert_eq!(word(vec![add(), add()]), Err("exists"));
        assert_eq!(word(vec![upstream("alice", "sesame")]), Err("in_file"));
        assert_eq!(word(vec![upstream("dora", "sesame")]), Err("not_found"));
        assert_eq!(word(vec![changed(None, json!({}))]), Err("not_found"));
        let remove = Change::Secret(SecretChange::RemoveUpstream(at("acme+carol", "pstn")));
        assert_eq!(word(vec![remove.clone()]), Err("not_found"));
        for gone in
            [remove, Change::RemoveUser("acme+carol".to_owned()), Change::RemoveCustomer("acme".to_owned())]
        {
            assert!(after(vec![add(), gone]).expect("sound").upstream.is_empty());
        }
    }

    #[test]
    fn a_password_that_tokens_name_is_its_customers_and_goes_with_it() {
        let roll = after(vec![password("carol", Some("acme"), "sesame")]).expect("sound");
        assert_eq!(roll.account_passwords["carol"].customer.as_deref(), Some("acme"));
        let change =
            SecretChange::ChangeAccountPassword { name: "carol".to_owned(), password: text("lentils") };
        let changed = vec![password("carol", Some("acme"), "sesame"), Change::Secret(change.clone())];
        let own = after(changed).expect("sound").account_passwords["carol"].clone();
        assert_eq!((own.customer.as_deref(), own.password), (Some("acme"), text("lentils")));
        let gone = vec![password("carol", Some("acme"), "sesame"), Change::RemoveCustomer("acme".to_owned())];
        assert!(after(gone).expect("sound").account_passwords.is_empty());
        let removed = Change::Secret(SecretChange::RemoveAccountPassword("carol".to_owned()));
        assert_eq!(word(vec![password("carol", None, "sesame"), removed.clone()]), Ok(()));
        assert_eq!(word(vec![removed]), Err("not_found"));
        assert_eq!(word(vec![Change::Secret(change)]), Err("not_found"));
        assert_eq!(word(vec![password("kept", None, "sesame")]), Err("in_file"));
        assert_eq!(word(vec![password("carol", Some("gone"), "sesame")]), Err("not_found"));
        assert_eq!(word(vec![password("carol", None, "")]), Err("faulty"));
        for bad in ["", "a\nb", &"x".repeat(65)] {
            assert_eq!(word(vec![password(bad, None, "sesame")]), Err("faulty"), "{bad:?}");
        }
    }
}
