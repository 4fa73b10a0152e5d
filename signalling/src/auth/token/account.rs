//! The SIP account that a token carries: who the gateway registers and calls as, for a page that never sees it.

use serde::{Deserialize, Serialize};

use super::host::{HostName, HostPort};
use crate::auth::secret::SecretText;

/// Longest name of anybody, in characters. Chosen by us: a name that is shown on a phone is shorter.
const NAME_MAX: usize = 128;

/// A SIP account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Account {
    /// The user's part of its address.
    pub user: String,
    /// The name that its password belongs to, where that is another.
    pub auth_name: Option<String>,
    /// What proves it; `None` where the other end goes by our address.
    pub credential: Option<Credential>,
    /// The host of its address.
    pub domain: Option<HostName>,
    /// Where its requests are sent, in place of the domain.
    pub outbound_proxy: Option<HostPort>,
    /// The port of the domain, or of a proxy that names none.
    pub port: Option<u16>,
    /// The name that those called are shown.
    pub visible_name: Option<String>,
    /// Whether the gateway registers it, to be called.
    pub register: bool,
}

/// What proves an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The password.
    Password(SecretText),
    /// The name under which the gateway keeps the password.
    Reference(String),
}

/// As written.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    pub(super) user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) domain: Option<HostName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outbound_proxy: Option<HostPort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) visible_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) register: Option<bool>,
}

/// An account that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AccountFault {
    #[error("account.user must be 1 to 128 characters without white space")]
    User,
    #[error("account.auth_name must be 1 to 128 characters in one line")]
    AuthName,
    #[error("account.visible_name must be 1 to 128 characters in one line")]
    VisibleName,
    #[error("account has both password and password_ref")]
    TwoCredentials,
    #[error("account.password and password_ref must be 1 to 128 characters in one line")]
    Credential,
    #[error("account.port must not be 0")]
    Port,
}

impl Account {
    /// The hosts that the gateway would send its requests to.
    pub fn hosts(&self) -> impl Iterator<Item = &HostName> {
        self.domain.iter().chain(self.outbound_proxy.iter().map(|proxy| &proxy.host))
    }

    /// Whether the password itself is in it.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        matches!(self.credential, Some(Credential::Password(_)))
    }
}

impl TryFrom<Fields> for Account {
    type Error = AccountFault;

    fn try_from(fields: Fields) -> Result<Self, AccountFault> {
        let check = |is_sound, fault| if is_sound { Ok(()) } else { Err(fault) };
        let is_user = is_line(&fields.user) && !fields.user.contains(char::is_whitespace);
        check(is_user, AccountFault::User)?;
        check(fields.auth_name.as_deref().is_none_or(is_line), AccountFault::AuthName)?;
        check(fields.visible_name.as_deref().is_none_or(is_line), AccountFault::VisibleName)?;
        check(fields.port != Some(0), AccountFault::Port)?;
        let credential = match (fields.password, fields.password_ref) {
            (None, None) => None,
            (Some(password), None) => {
                check(is_line(password.expose()), AccountFault::Credential)?;
                Some(Credential::Password(password))
            }
            (None, Some(name)) => {
                check(is_line(&name), AccountFault::Credential)?;
                Some(Credential::Reference(name))
            }
            (Some(_), Some(_)) => return Err(AccountFault::TwoCredentials),
        };
        Ok(Self {
            user: fields.user,
            auth_name: fields.auth_name,
            credential,
            domain: fields.domain,
            outbound_proxy: fields.outbound_proxy,
            port: fields.port,
            visible_name: fields.visible_name,
            register: fields.register.unwrap_or(true),
        })
    }
}

impl From<Account> for Fields {
    fn from(account: Account) -> Self {
        let (password, password_ref) = match account.credential {
            None => (None, None),
            Some(Credential::Password(password)) => (Some(password), None),
            Some(Credential::Reference(name)) => (None, Some(name)),
        };
        Self {
            user: account.user,
            auth_name: account.auth_name,
            password,
            password_ref,
            domain: account.domain,
            outbound_proxy: account.outbound_proxy,
            port: account.port,
            visible_name: account.visible_name,
            register: (!account.register).then_some(false),
        }
    }
}

/// One line that can stand in a header and in a log: no control character, and not too long.
pub(super) fn is_line(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= NAME_MAX && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Account, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn an_account_reads_back_and_shows_no_password() {
        let text = r#"{"user":"1001","auth_name":"a1001","password":"wonderland","domain":"sip.example.net","outbound_proxy":"192.0.2.7:5070","port":5060,"visible_name":"Alice A.","register":false}"#;
        let account = read(text).expect("an account");
        assert_eq!(serde_json::to_string(&account).ok().as_deref(), Some(text));
        assert_eq!(
            account.hosts().map(HostName::as_str).collect::<Vec<_>>(),
            ["sip.example.net", "192.0.2.7"]
        );
        assert!(account.has_password() && !format!("{account:?}").contains("wonderland"), "{account:?}");
        let short = read(r#"{"user":"1001","password_ref":"alice"}"#).expect("an account");
        assert!(short.register && !short.has_password());
    }

    #[test]
    fn an_account_that_cannot_be_is_refused() {
        for wrong in [
            r#"{}"#,
            r#"{"user":""}"#,
            r#"{"user":"a b"}"#,
            r#"{"user":"a\r\nVia: x"}"#,
            r#"{"user":"a","visible_name":"a\nb"}"#,
            r#"{"user":"a","auth_name":""}"#,
            r#"{"user":"a","password":"p","password_ref":"r"}"#,
            r#"{"user":"a","password":""}"#,
            r#"{"user":"a","port":0}"#,
            r#"{"user":"a","port":65536}"#,
            r#"{"user":"a","domain":"a b"}"#,
            r#"{"user":"a","passwort":"p"}"#,
            r#"{"user":"a","user":"b"}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
