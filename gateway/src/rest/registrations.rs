//! `/registrations`: where users are reached.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use webtrunk_signalling::adapter::MediaProfile;
use webtrunk_signalling::locations::{ContactInfo, Locations};

use super::caller::Caller;
use super::page::{Page, PageQuery};
use super::problem::Problem;
use super::scope::Scope;
use super::told;

/// Where users are reached, by each adapter.
#[derive(Clone)]
pub struct Places(pub Vec<Locations>);

/// Which are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RegistrationQuery {
    /// Of this user alone.
    user: Option<String>,
    /// Things on a page; 50 where it is not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// What `next` of the page before said.
    after: Option<String>,
}

/// A user that can be reached.
#[derive(Debug, Serialize, ToSchema)]
pub struct Registration {
    /// Its name.
    pub user: String,
    /// Where, the oldest first.
    pub contacts: Vec<Contact>,
}

/// A phone or a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Contact {
    /// `sip` or `json`.
    pub adapter: &'static str,
    /// `webrtc` or `rtp`.
    pub media: &'static str,
    /// Where its signalling comes from.
    pub address: String,
}

/// Tells which users can be reached and where, in the order of their names.
#[utoipa::path(get, path = "/registrations", tag = "registrations", operation_id = "listRegistrations",
    params(RegistrationQuery),
    responses((status = 200, description = "A page of users that can be reached", body = Page<Registration>)),
    security(("api_key" = ["registrations:read"])))]
pub async fn list(
    caller: Caller,
    places: web::Data<Places>,
    query: web::Query<RegistrationQuery>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::RegistrationsRead)?;
    let page = PageQuery::new(query.limit, query.after.clone())?;
    let mut users: Vec<_> = places.0.iter().flat_map(Locations::users).collect();
    users.sort_unstable();
    users.dedup();
    let wanted = |user: &String| caller.0.sees(user) && query.user.as_ref().is_none_or(|own| own == user);
    let told_of = users.into_iter().filter(wanted).map(|user| (user.clone(), places.of(user)));
    Ok(told(StatusCode::OK).json(page.of(told_of, |user, last| user > last)))
}

impl Places {
    /// In how many places a user can be reached.
    #[must_use]
    pub fn count(&self, user: &str) -> usize {
        self.0.iter().map(|locations| locations.contacts(user).len()).sum()
    }

    fn of(&self, user: String) -> Registration {
        let contacts = self.0.iter().flat_map(|locations| locations.contacts(&user));
        Registration { contacts: contacts.map(Contact::from).collect(), user }
    }
}

impl From<ContactInfo> for Contact {
    fn from(contact: ContactInfo) -> Self {
        let media = match contact.profile {
            MediaProfile::Webrtc => "webrtc",
            MediaProfile::Rtp => "rtp",
        };
        Self { adapter: contact.adapter, media, address: contact.address.to_string() }
    }
}
