//! `/logins`: the gateway as the servlet of a customer (docs/TOKENS.md, "Two hops"): a back end that has proven itself gets a name and a
//! password that the edge takes for a while, for one of its people, and hands them on to that one's page.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::HOST;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webtrunk_signalling::auth::ice_servers::IceServer;
use webtrunk_signalling::auth::issuer::{CUSTOMER_MARK, NotIssued};
use webtrunk_signalling::auth::logins::NoLogin;
use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::auth::validity::UnixTime;
use webtrunk_signalling::calendar;
use webtrunk_signalling::http::WebOrigin;

use super::caller::BasicCaller;
use super::people::whole_name;
use super::problem::Problem;
use super::scope::Scope;
use super::{read, told};
use crate::config::is_name;
use crate::entry::{EntryDesk, Login, LoginAsked, LoginRefused};
use crate::people::People;

/// Where logins are made, and where pages log in; cheap to clone.
#[derive(Clone, Default)]
pub struct Logins {
    /// Who makes them.
    pub desk: EntryDesk,
    /// The realm of SIP's Digest.
    pub realm: String,
    /// Where SIP over WebSocket is on the HTTP server.
    pub sip_path: Option<String>,
    /// Where the JSON API is.
    pub json_path: Option<String>,
    /// Whether the HTTP server speaks HTTPS.
    pub is_secure: bool,
}

/// A login to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLogin {
    /// For whom: one of the customer's people, whom nobody need have configured. A key of the operator names the customer before it,
    /// `acme+alice`.
    #[schema(max_length = 64)]
    user: String,
    /// What the clock of who asks says, in s since 1970; no further from the gateway's than `entry.logins.clock_s`.
    time: u64,
    /// How long it is to be good, in s; as long as the customer's are, where it is not said, and no longer.
    #[schema(minimum = 1)]
    lifetime_s: Option<u32>,
}

/// A login. It has no shown form.
#[derive(Serialize, ToSchema)]
pub struct MadeLogin {
    /// The name to log in by: of SIP's Digest, or of `connect` with a proof of the kind `ephemeral`.
    pub username: String,
    /// Its password.
    #[schema(value_type = String)]
    pub password: SecretText,
    /// The user that the page is then, and the user of its SIP address.
    pub user: String,
    /// The realm of SIP's Digest.
    pub realm: String,
    /// Until when it is good (RFC 3339, UTC).
    pub expires_at: String,
    /// What `RTCPeerConnection` is to be given as `iceServers`.
    pub ice_servers: Vec<LoginIceServer>,
    /// Where SIP over WebSocket is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sip_websocket: Option<String>,
    /// Where the JSON API is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_websocket: Option<String>,
}

/// A STUN or TURN server, as browsers have it. It has no shown form.
#[derive(Serialize, ToSchema)]
pub struct LoginIceServer {
    /// Where it is.
    pub urls: Vec<String>,
    /// The name to use it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl Logins {
    fn answer(&self, login: Login, asked_at: Option<&str>) -> MadeLogin {
        let Login { username, password, user, expires, ice_servers, public } = login;
        let base = public.or_else(|| self.origin(asked_at?)).map(|origin| origin.websocket_base());
        let at = |path: Option<&String>| Some(format!("{}{}", base.as_ref()?, path?));
        let expires_at = i64::try_from(expires.0).ok().and_then(|at| Timestamp::from_second(at).ok());
        MadeLogin {
            username,
            password,
            user,
            realm: self.realm.clone(),
            expires_at: expires_at.unwrap_or(Timestamp::MAX).to_string(),
            ice_servers: ice_servers.into_iter().map(LoginIceServer::from).collect(),
            sip_websocket: at(self.sip_path.as_ref()),
            json_websocket: at(self.json_path.as_ref()),
        }
    }

    /// The gateway as who asked named it.
    fn origin(&self, host: &str) -> Option<WebOrigin> {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{host}").parse().ok()
    }
}

impl From<IceServer> for LoginIceServer {
    fn from(IceServer { urls, username, credential }: IceServer) -> Self {
        Self { urls, username, credential }
    }
}

/// Makes a name and a password by which a page of one of a customer's people logs in for a while, by SIP or by the JSON API.
///
/// The key may come by HTTP's basic authentication too, as the password of the customer.
#[utoipa::path(post, path = "/logins", tag = "logins", operation_id = "makeLogin", request_body = NewLogin,
    responses((status = 201, description = "The login, which is told this once", body = MadeLogin),
        (status = 409, description = "Logins are made for nobody, or the edge has no key in force", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The clocks are too far apart, or the customer has no such user log in", body = Problem,
            content_type = "application/problem+json")),
    security(("api_key" = ["logins:write"])))]
pub async fn make(
    BasicCaller(caller): BasicCaller,
    logins: web::Data<Logins>,
    people: web::Data<People>,
    request: HttpRequest,
    asked: Result<web::Json<NewLogin>, Error>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::LoginsWrite)?;
    let NewLogin { user, time, lifetime_s } = read(asked)?;
    if lifetime_s == Some(0) {
        return Err(Problem::bad_request("lifetime_s = 0: write 1 or more"));
    }
    let no_user =
        || Problem::no_login(format!("user = {user:?}: is no user of a customer that the key may name"));
    let whole = whole_name(&caller.0, &user).map_err(|_| no_user())?;
    let (customer, own) = whole.split_once(CUSTOMER_MARK).ok_or_else(no_user)?;
    if !is_name(own) || own.contains(CUSTOMER_MARK) {
        return Err(no_user());
    }
    if people.has_disabled(&whole) {
        return Err(Problem::no_login(format!("user = {user:?}: is disabled")));
    }
    let source = request.peer_addr().ok_or_else(no_user)?.ip();
    let lifetime = lifetime_s.map(|seconds| Duration::from_secs(seconds.into()));
    let (said, key) = (UnixTime(time), caller.0.id.as_str());
    let asked = LoginAsked { customer, user: own, said, lifetime, key, source };
    let login = logins.desk.log_in(asked).map_err(problem)?;
    let asked_at = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let asked_at = asked_at.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    Ok(told(StatusCode::CREATED).json(logins.answer(login, asked_at)))
}

/// Why there is none, for who has proven itself.
fn problem(refused: LoginRefused) -> Problem {
    match refused {
        LoginRefused::Judged(closed @ NoLogin::Closed) => Problem::conflict(closed),
        LoginRefused::Judged(clock @ NoLogin::Clock { .. }) => {
            Problem::clock(format!("{clock}; the gateway's says {}", UnixTime::from(calendar::now()).0))
        }
        LoginRefused::Judged(many @ NoLogin::TooMany { wait }) => Problem::too_many_logins(many, wait),
        LoginRefused::Judged(policy @ (NoLogin::NoCustomer | NoLogin::NotAllowed)) => {
            Problem::no_login(policy)
        }
        LoginRefused::NotIssued(no_key @ NotIssued::NoKey) => Problem::conflict(no_key),
        LoginRefused::NotIssued(
            none @ (NotIssued::Unproven
            | NotIssued::Waits
            | NotIssued::NoGuests
            | NotIssued::NoCustomer
            | NotIssued::Elsewhere),
        ) => Problem::no_login(none),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(public: Option<&str>, asked_at: Option<&str>, is_secure: bool) -> MadeLogin {
        let path = |path: &str| Some(path.to_owned());
        let logins =
            Logins { sip_path: path("/sip"), json_path: path("/api/v1"), is_secure, ..Logins::default() };
        let login = Login {
            username: "1764288600:acme+alice:edge".to_owned(),
            password: SecretText::new("sesame".to_owned()),
            user: "acme+alice".to_owned(),
            expires: UnixTime(1_764_288_600),
            ice_servers: Vec::new(),
            public: public.map(|text| text.parse().expect("an origin")),
        };
        logins.answer(login, asked_at)
    }

    #[test]
    fn a_page_is_told_where_it_logs_in_by_the_name_that_is_configured_or_else_by_that_by_which_was_asked() {
        let at = |public, asked_at, is_secure| {
            let MadeLogin { sip_websocket, json_websocket, .. } = answered(public, asked_at, is_secure);
            [sip_websocket, json_websocket].map(Option::unwrap_or_default)
        };
        let public = Some("https://phone.example");
        assert_eq!(
            at(public, Some("10.0.0.7:8080"), false),
            ["wss://phone.example/sip", "wss://phone.example/api/v1"]
        );
        assert_eq!(
            at(None, Some("gw.example:8443"), true),
            ["wss://gw.example:8443/sip", "wss://gw.example:8443/api/v1"]
        );
        assert_eq!(at(None, Some("localhost"), false)[0], "ws://localhost/sip");
        for none in [None, Some("evil.example/x?"), Some("")] {
            assert_eq!(at(None, none, true), ["", ""], "{none:?}");
        }
        assert_eq!(answered(None, None, true).expires_at, "2025-11-28T00:10:00Z");
    }
}
