//! `credentials` of `[[trunks]]`: the account by which calls and registrations prove themselves to a provider.

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::sip::trunk::TrunkCredentials;

use super::faults::Faults;
use super::secret::{Environment, SecretSource, fetch};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialsSection {
    user: String,
    password: Spanned<SecretSource>,
    realm: Option<String>,
}

impl CredentialsSection {
    pub(super) fn has_inline_secret(&self) -> bool {
        self.password.get_ref().is_inline()
    }

    pub(super) fn fetch(
        &self,
        environment: Environment<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<TrunkCredentials> {
        Some(TrunkCredentials {
            username: self.user.clone(),
            password: fetch(&self.password, environment, faults)?.expose().to_owned(),
            realm: self.realm.clone(),
        })
    }
}
