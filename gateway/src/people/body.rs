//! Changes as requests ask for them, in JSON: those of the admin API and of the REST API read alike.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::auth::validity::UnixTime;

use super::{Change, SecretChange, UserAtTrunk};
use crate::rest::scope::Scope;

/// What a request says, of which parts are taken out one after the other.
#[derive(Debug)]
pub(crate) struct Body(pub(crate) Map<String, Value>);

impl Body {
    pub(crate) fn read(octets: &[u8]) -> Result<Self, String> {
        let read = serde_json::from_slice::<Map<String, Value>>(octets);
        read.map(Self).map_err(|error| format!("the body is no JSON object: {error}"))
    }

    pub(crate) fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, String> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        // What a secret is, is told nobody.
        serde_json::from_value(value).map(Some).map_err(|_| format!("{key}: is none"))
    }

    pub(crate) fn needed<T: DeserializeOwned>(&mut self, key: &str) -> Result<T, String> {
        self.take(key)?.ok_or_else(|| format!("{key}: is missing"))
    }

    pub(crate) fn time(&mut self, key: &str) -> Result<Option<UnixTime>, String> {
        let Some(text) = self.take::<String>(key)? else { return Ok(None) };
        let time = text.parse::<Timestamp>().map_err(|_| {
            format!("{key} = {text:?}: is no time; write it with its zone, such as \"2026-11-28T09:00:00Z\"")
        })?;
        // A time before 1970 is as good as 1970.
        Ok(Some(UnixTime(u64::try_from(time.as_second()).unwrap_or_default())))
    }

    pub(crate) fn scopes(&mut self) -> Result<BTreeSet<Scope>, String> {
        let names: Vec<String> = self.needed("scopes")?;
        let scope = |name: &String| name.parse().map_err(|error| format!("scopes: {name:?} {error}"));
        names.iter().map(scope).collect()
    }

    /// Nothing more is said.
    pub(crate) fn end(self) -> Result<(), String> {
        self.0.keys().next().map_or(Ok(()), |key| Err(format!("{key}: means nothing here")))
    }

    /// Another user: its name, a password where it brings one, and its terms.
    pub(crate) fn add_user(mut self) -> Result<Change, String> {
        let (name, password) = (self.needed("name")?, self.take("password")?);
        Ok(Change::AddUser { name, password, terms: self.terms()? })
    }

    /// What is other of a user.
    pub(crate) fn change_user(mut self, name: String) -> Result<Change, String> {
        let password = self.take("password")?;
        Ok(Change::ChangeUser { name, password, patch: Value::Object(self.0) })
    }

    /// Another account of a user, with its trunk.
    pub(crate) fn add_upstream(mut self, user: String) -> Result<(String, Change), String> {
        let trunk: String = self.needed("trunk")?;
        let password = self.upstream_password()?;
        let password = password.ok_or_else(|| "credentials.password: is missing".to_owned())?;
        let change = SecretChange::AddUpstream { at: (user, trunk.clone()), terms: self.terms()?, password };
        Ok((trunk, Change::Secret(change)))
    }

    /// What is other of a user's account.
    pub(crate) fn change_upstream(mut self, at: UserAtTrunk) -> Result<Change, String> {
        let password = self.upstream_password()?;
        let patch = Value::Object(self.0);
        Ok(Change::Secret(SecretChange::ChangeUpstream { at, password, patch }))
    }

    /// The password of an account, taken out of its credentials.
    fn upstream_password(&mut self) -> Result<Option<SecretText>, String> {
        let Some(Value::Object(credentials)) = self.0.get_mut("credentials") else { return Ok(None) };
        let Some(value) = credentials.remove("password") else { return Ok(None) };
        // What a secret is, is told nobody.
        serde_json::from_value(value).map(Some).map_err(|_| "credentials.password: is none".to_owned())
    }

    /// Another customer: its name and its policy.
    pub(crate) fn add_customer(mut self) -> Result<Change, String> {
        let name = self.needed("name")?;
        Ok(Change::AddCustomer { name, terms: self.terms()? })
    }

    /// What is other of a customer.
    pub(crate) fn change_customer(self, name: String) -> Change {
        Change::ChangeCustomer { name, patch: Value::Object(self.0) }
    }

    /// What is left, as terms.
    pub(crate) fn terms<T: DeserializeOwned>(self) -> Result<T, String> {
        serde_json::from_value(Value::Object(self.0)).map_err(|error| error.to_string())
    }
}
