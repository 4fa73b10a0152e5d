//! `POST /calls`: click to call. The first party's phones ring, and when it answers the second is called.

use std::time::{Instant, SystemTime};

use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::ToSchema;
use webtrunk_engine::EndCause;
use webtrunk_signalling::adapter::{Origin, Party};
use webtrunk_signalling::auth::issuer::{CUSTOMER_MARK, user_of_customer};
use webtrunk_signalling::cdr::name_of;
use webtrunk_signalling::origination::Origination;
use webtrunk_signalling::switchboard::Originator;

use super::{KnownUsers, Numbers};
use crate::config::is_name;
use crate::health::Health;
use crate::rest::caller::Caller;
use crate::rest::idempotency::{Idempotency, Seen};
use crate::rest::keys::ApiKey;
use crate::rest::problem::Problem;
use crate::rest::registrations::Places;
use crate::rest::scope::Scope;
use crate::rest::{created, read};

/// Where calls are asked for.
#[derive(Clone)]
pub struct Dialler {
    /// Who makes them.
    pub originator: Originator,
    /// Whether new calls are taken.
    pub health: Health,
    /// What was asked for before.
    pub idempotency: Idempotency,
    /// The numbers that customers own.
    pub numbers: Numbers,
    /// Who there is.
    pub users: KnownUsers,
    /// Who can be reached.
    pub places: Places,
}

/// A call to be made.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCall {
    /// By whose rights and at whose cost both parties are called: the dial plan, limits and accounts are this user's. For a
    /// key of a customer it is one of that one's users, with or without the customer's name before it.
    #[schema(max_length = 64)]
    user: String,
    /// Who is called first: what the user would dial. Its own phones and pages, where it is not said.
    #[schema(max_length = 128)]
    from: Option<String>,
    /// Who is called when the first has answered: what the user would dial.
    #[schema(max_length = 128)]
    to: String,
    /// The number that the second party is shown, and the first where that is not the user itself. For users of customers it is one
    /// of that one's numbers. The user's own, where it is not said.
    #[schema(max_length = 64)]
    caller_id: Option<String>,
    /// The name with it.
    #[schema(max_length = 64)]
    caller_name: Option<String>,
}

/// A call that is being made.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeCall {
    /// Its name for ever.
    pub id: String,
}

/// Longest destination and longest name, in octets.
const DESTINATION_MAX: usize = 128;
const WORDS_MAX: usize = 64;

/// Calls a first party and, when it has answered, a second. Answered when the first is about to be called.
#[utoipa::path(post, path = "/calls", tag = "calls", operation_id = "makeCall", request_body = NewCall,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 64,
        description = "Names the request: sent again within a day, it is answered as before and makes no second call")),
    responses((status = 201, description = "The first party is about to be called", body = MadeCall),
        (status = 409, description = "A request of this name is under way, or was another one", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "Such a call may not be made: by the dial plan, by the user's limits, or since there is no such user", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "There is no room for calls now", body = Problem,
            content_type = "application/problem+json")),
    security(("api_key" = ["calls:write"])))]
pub async fn originate(
    caller: Caller,
    dialler: web::Data<Dialler>,
    request: HttpRequest,
    asked: Result<web::Json<NewCall>, Error>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::CallsWrite)?;
    let asked = read(asked)?;
    let knows = |user: &str| dialler.users.has(user) || dialler.places.count(user) > 0;
    let origination = asked.origination(&caller.0, &dialler.numbers, knows)?;
    let claim = match named(&request)? {
        None => None,
        Some(name) => {
            let body = serde_json::to_vec(&asked).unwrap_or_default();
            match dialler.idempotency.begin(&caller.0.id, &name, &body, Instant::now()) {
                Seen::New(claim) => Some(claim),
                Seen::Met(id) => return Ok(made(&request, id)),
                Seen::UnderWay => {
                    return Err(Problem::conflict("the request of this Idempotency-Key is under way"));
                }
                Seen::Another => {
                    return Err(Problem::conflict(
                        "another request had this Idempotency-Key; take a new one",
                    ));
                }
            }
        }
    };
    let id = origination.id.to_string();
    let (dialler, of) = (dialler.get_ref().clone(), id.clone());
    // Whoever asked may be gone before it is known what became of it: that is noted all the same.
    let begun = actix_web::rt::spawn(async move {
        let begun = begin(&dialler, origination).await;
        if let Some(claim) = claim.filter(|_| begun.is_ok()) {
            claim.met(&of);
        }
        begun
    });
    begun.await.unwrap_or_else(|panicked| Err(Problem::no_room(panicked)))?;
    info!(key = caller.0.id, call = id, "a call is made for an API key");
    Ok(made(&request, id))
}

async fn begin(dialler: &Dialler, origination: Origination) -> Result<(), Problem> {
    dialler.health.readiness(Instant::now()).map_err(Problem::no_room)?;
    dialler.originator.originate(origination).await.map_err(|cause| match cause {
        EndCause::Overloaded | EndCause::ShuttingDown | EndCause::InternalError => {
            Problem::no_room(name_of(cause))
        }
        cause => Problem::refused(name_of(cause)),
    })
}

fn made(request: &HttpRequest, id: String) -> HttpResponse {
    let call = MadeCall { id };
    created(request, &call.id, &call)
}

/// What its holder calls the request.
fn named(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get("Idempotency-Key") else { return Ok(None) };
    let is_sound =
        |text: &&str| (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    match value.to_str().ok().filter(is_sound) {
        Some(name) => Ok(Some(name.to_owned())),
        None => Err(Problem::bad_request("Idempotency-Key: write 1 to 64 letters, digits and signs")),
    }
}

impl NewCall {
    fn origination(
        &self,
        key: &ApiKey,
        numbers: &Numbers,
        knows: impl Fn(&str) -> bool,
    ) -> Result<Origination, Problem> {
        let user = self.user_of(key, knows)?;
        let from = self.from.clone().unwrap_or_else(|| user.clone());
        for (name, destination) in [("from", &from), ("to", &self.to)] {
            let is_sound = (1..=DESTINATION_MAX).contains(&destination.len())
                && !destination.contains(|char: char| char.is_control() || char.is_whitespace());
            if !is_sound {
                let cure = "write a number or a name of 1 to 128 octets without spaces";
                return Err(Problem::bad_request(format!("{name} = {destination:?}: {cure}")));
            }
        }
        let name = self.caller_name.clone().unwrap_or_default();
        if name.len() > WORDS_MAX || name.contains(char::is_control) {
            return Err(Problem::bad_request("caller_name: write 64 octets at most, in one line"));
        }
        if let Some(number) = &self.caller_id {
            if !is_name(number) {
                return Err(Problem::bad_request("caller_id: write a number, such as \"+49301234567\""));
            }
            if !numbers.may_show(&user, number) {
                return Err(Problem::bad_request("caller_id is none of the customer's numbers"));
            }
        }
        let shown =
            Party { user: self.caller_id.clone().unwrap_or_else(|| user.clone()), display_name: name };
        // Whoever asked for the call sees on its phone whom it will talk to.
        let to_first = match from == user {
            true => Party { user: self.to.clone(), display_name: String::new() },
            false => shown.clone(),
        };
        let parties = [(from, to_first), (self.to.clone(), shown)];
        Ok(Origination::new(&key.id, Origin::User(user), parties, SystemTime::now()))
    }

    /// The user, by its whole name. One that is in no list, of a customer that gives its users names for a while, is known as long
    /// as it can be reached.
    fn user_of(&self, key: &ApiKey, knows: impl Fn(&str) -> bool) -> Result<String, Problem> {
        let user = match &key.customer {
            Some(customer) if !self.user.contains(CUSTOMER_MARK) => user_of_customer(customer, &self.user),
            _ => self.user.clone(),
        };
        if !is_name(&user) || !key.sees(&user) {
            return Err(Problem::bad_request(format!("user = {:?} is no user of the key's", self.user)));
        }
        if !knows(&user) {
            return Err(Problem::no_user(&self.user));
        }
        Ok(user)
    }
}

#[cfg(test)]
mod tests {
    use super::super::belonging::tests::key;
    use super::*;

    fn made(text: &str, customer: Option<&str>) -> Result<Origination, String> {
        let numbers = Numbers::default();
        numbers.take_up([("acme".to_owned(), vec!["+49301".to_owned()])]);
        let call: NewCall = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let is_known = |user: &str| !user.ends_with("mallory");
        call.origination(&key(customer), &numbers, is_known).map_err(|problem| problem.kind)
    }

    #[test]
    fn a_customers_key_calls_by_its_own_users_and_shows_its_own_numbers_alone() {
        let sound = r#"{"user": "alice", "to": "0301", "caller_id": "+49301"}"#;
        let own = made(sound, Some("acme")).expect("sound");
        assert_eq!((own.origin, own.first.as_str()), (Origin::User("acme+alice".into()), "acme+alice"));
        assert_eq!((own.shown_to_first.user.as_str(), own.shown_to_second.user.as_str()), ("0301", "+49301"));
        assert!(made(&sound.replace("alice", "acme+alice"), Some("acme")).is_ok());
        assert!(made(&sound.replace("alice", "beta+alice"), Some("acme")).is_err());
        for customer in [None, Some("acme")] {
            let told = made(&sound.replace("alice", "mallory"), customer).expect_err("nobody knows it");
            assert_eq!(told, "urn:webtrunk:problem:no-user");
        }
        assert!(made(&sound.replace("+49301\"", "+49302\""), Some("acme")).is_err());
        assert!(made(&sound.replace("alice", "acme+alice").replace("+49301\"", "+49302\""), None).is_err());
        assert!(made(&sound.replace("+49301\"", "+49302\""), None).is_ok(), "of no customer");
    }

    #[test]
    fn whom_the_first_party_is_shown_is_whom_it_will_talk_to_or_who_calls() {
        let own = made(r#"{"user": "alice", "to": "0301"}"#, None).expect("sound");
        assert_eq!((own.shown_to_first.user.as_str(), own.shown_to_second.user.as_str()), ("0301", "alice"));
        let other = made(r#"{"user": "alice", "from": "0302", "to": "0301", "caller_name": "A"}"#, None);
        let other = other.expect("sound");
        assert_eq!(
            (other.shown_to_first.user.as_str(), other.shown_to_first.display_name.as_str()),
            ("alice", "A")
        );
        for wrong in [
            r#"{"user": "a b", "to": "1"}"#,
            r#"{"user": "alice", "to": ""}"#,
            r#"{"user": "alice", "to": "1\r\nX: y"}"#,
            r#"{"user": "alice", "from": "1 2", "to": "1"}"#,
            r#"{"user": "alice", "to": "1", "caller_id": "a b"}"#,
            r#"{"user": "alice", "to": "1", "more": true}"#,
            r#"{"user": "alice"}"#,
            r#"{"user": {"user": "alice"}, "to": "1"}"#,
        ] {
            assert!(made(wrong, None).is_err(), "{wrong}");
        }
    }
}
