//! `/tokens`: tokens by which users' pages connect, for back ends that have no key of their own to make them by.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::ToSchema;
use webtrunk_signalling::auth::issuer::CUSTOMER_MARK;
use webtrunk_signalling::auth::token::{Audience, Claims, Destination, Format, Keyring, TokenKey};
use webtrunk_signalling::auth::validity::UnixTime;
use webtrunk_signalling::calendar;

use super::caller::Caller;
use super::calls::{KnownUsers, Numbers};
use super::keys::ApiKey;
use super::people::whole_name;
use super::problem::Problem;
use super::scope::Scope;
use super::{read, told};

/// Octets of a token's name. Chosen by us: nobody finds another's.
const ID_BYTES: usize = 16;

/// How long a token is good where nobody says, in s: time to load a page and to connect.
const USUAL_S: u64 = 60;

/// Where tokens are made; cheap to clone.
#[derive(Clone, Default)]
pub struct Tokens {
    keys: Arc<RwLock<Keyring>>,
    users: KnownUsers,
    numbers: Numbers,
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// For whom. For a key of a customer it is one of that one's users, with or without the customer's name before it.
    #[schema(max_length = 64)]
    user: String,
    /// How long it is good, in s; 60 where it is not said, and no longer than its key of tokens lets it.
    #[schema(minimum = 1)]
    lifetime_s: Option<u64>,
    /// What may be called by it: numbers, or how they begin and a star. All that the user may call, where it is not said.
    #[schema(max_items = 100)]
    destinations: Option<Vec<String>>,
    /// The number that those called are shown; of a customer's user one of the customer's.
    caller_id: Option<String>,
    /// Calls at one time.
    calls_max: Option<u32>,
    /// Calls in all.
    calls_total_max: Option<u32>,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeToken {
    /// It, to be handed to the user's page; good once.
    pub token: String,
    /// The user's whole name.
    pub user: String,
    /// Until when it is good (RFC 3339, UTC).
    pub expires_at: String,
}

impl Tokens {
    /// For these users, who may show these numbers, and by no key yet.
    #[must_use]
    pub fn new(users: KnownUsers, numbers: Numbers) -> Self {
        Self { keys: Arc::default(), users, numbers }
    }

    /// Makes them by these keys from now on.
    pub fn take_up(&self, keys: Keyring) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn make(&self, asked: NewToken, key: &ApiKey, now: UnixTime) -> Result<MadeToken, Problem> {
        let user = whole_name(key, &asked.user).map_err(|_| Problem::no_user(&asked.user))?;
        if !self.users.has(&user) {
            return Err(Problem::no_user(&asked.user));
        }
        if let Some(number) = asked.caller_id.as_ref().filter(|number| !self.numbers.may_show(&user, number))
        {
            return Err(Problem::bad_request(format!(
                "caller_id = {number:?} is none of the customer's numbers"
            )));
        }
        let (customer, subject) = match user.split_once(CUSTOMER_MARK) {
            Some((customer, subject)) if self.numbers.has_customer(customer) => (Some(customer), subject),
            _ => (None, user.as_str()),
        };
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let by = maker(&keys, customer, now).ok_or_else(Problem::no_token_key)?;
        let expires = now.plus(Duration::from_secs(asked.lifetime_s.unwrap_or(USUAL_S)));
        let destination = |text: &String| {
            let read = text.parse::<Destination>();
            read.map_err(|error| Problem::bad_request(format!("destinations: {text:?} {error}")))
        };
        let destinations = asked.destinations.as_ref().map(|list| list.iter().map(destination).collect());
        let claims = Claims {
            audience: Audience(by.terms.audience.iter().cloned().collect()),
            issued_at: Some(now),
            expires,
            not_before: None,
            id: Some(URL_SAFE_NO_PAD.encode(rand::random::<[u8; ID_BYTES]>())),
            issuer: by.terms.issuer.clone(),
            subject: Some(subject.to_owned()),
            account: None,
            destinations: destinations.transpose()?,
            caller_id: asked.caller_id,
            calls_max: asked.calls_max,
            calls_total_max: asked.calls_total_max,
            recording: None,
            customer: customer.map(str::to_owned),
        };
        // Read as the gateway reads it: what it would not take is told now.
        let claims = Claims::from_json(claims.to_json().expose()).map_err(Problem::faulty)?;
        let token = by.make(&claims, rand::random(), now).map_err(Problem::faulty)?;
        let expires_at = i64::try_from(expires.0).ok().and_then(|at| Timestamp::from_second(at).ok());
        let expires_at = expires_at.unwrap_or(Timestamp::MAX).to_string();
        Ok(MadeToken { token, user, expires_at })
    }
}

/// The key by which a user's token is made, of those in force that can: one of its customer's own, or else one that is nobody's; our
/// own format before JWTs, and of several the one that came into force last.
fn maker<'k>(keys: &'k Keyring, customer: Option<&str>, now: UnixTime) -> Option<&'k TokenKey> {
    let can_make = |key: &&TokenKey| {
        let owner = key.terms.customer.as_deref();
        key.can_make() && key.validity.holds(now) && (owner.is_none() || owner == customer)
    };
    let rank = |key: &&TokenKey| {
        (key.terms.customer.is_some(), key.format() == Format::Sealed, key.validity.not_before)
    };
    keys.keys().iter().filter(can_make).max_by_key(rank)
}

/// Makes a token by which a user's page connects: short-lived, good once, and within what the user and its customer may do.
#[utoipa::path(post, path = "/tokens", tag = "tokens", operation_id = "makeToken", request_body = NewToken,
    responses((status = 201, description = "The token, which is told this once", body = MadeToken),
        (status = 409, description = "No key in force makes tokens for such a user", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "There is no such user, or the token would be refused", body = Problem,
            content_type = "application/problem+json")),
    security(("api_key" = ["tokens:write"])))]
pub async fn make(
    caller: Caller,
    tokens: web::Data<Tokens>,
    asked: Result<web::Json<NewToken>, Error>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::TokensWrite)?;
    let made = tokens.make(read(asked)?, &caller.0, UnixTime::from(calendar::now()))?;
    info!(key = caller.0.id, user = made.user, "a token is made for an API key");
    Ok(told(StatusCode::CREATED).json(made))
}
