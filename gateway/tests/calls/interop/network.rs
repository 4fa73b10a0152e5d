//! An office behind the gateway, a phone behind another server, and that server between the two.

use std::net::SocketAddr;

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{
    Call, Credentials, LaterKeys, Phone, PhoneConfig, PhoneSrtp, SrtpProfile, Voice,
};

use super::kamailio::{Kamailio, KamailioConfig};
use super::plan::{Between, Plan};
use crate::support::certificate::pair;
use crate::support::gateway::{Gateway, PATIENCE, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::tools;

pub(super) const OFFICE_HZ: u16 = 440;
pub(super) const FAR_HZ: u16 = 850;
pub(super) const THIRD_HZ: u16 = 620;
pub(super) const LEVEL_DBM0: f64 = -10.0;

/// What a phone's calls last without a refresh, where it refreshes.
const SESSION: std::time::Duration = std::time::Duration::from_secs(90);

/// All of it.
pub(super) struct Network {
    pub(super) plan: Plan,
    pub(super) gateway: Gateway,
    /// The second Webtrunk, where it is that.
    pub(super) provider: Option<Gateway>,
    pub(super) office: Phone,
    pub(super) far: Phone,
    /// At another trunk: of the second Webtrunk, where that is between, else of the gateway.
    pub(super) third: Phone,
    /// What keeps the rest up: Kamailio, its host, the phones' hosts, the certificates.
    _kept: (Option<Kamailio>, Option<Host>, [Host; 3], TempDir),
}

impl Network {
    /// Everything is up, and registered where it is to be. `None` where a program is missing.
    pub(super) async fn new(plan: Plan) -> Option<Self> {
        if plan.between != Between::Webtrunk {
            tools::command("kamailio")?;
        }
        let places = plan.places();
        let folder = TempDir::new().expect("a folder for the test");
        let (certificate, key) = pair(&folder, "server", places.server.ip());
        let (own_certificate, own_key) = pair(&folder, "own", places.own.ip());
        let config = plan.gateway(&places, [&own_certificate, &own_key, &certificate]);
        let provider_config = plan.provider(&places, [&certificate, &key]);
        let third_server = plan.server_of_third(&places);
        let kamailio = if plan.between == Between::Webtrunk {
            None
        } else {
            let config = KamailioConfig {
                listen: &plan.listeners(&places.server),
                far: places.far.at(SIP_PORT),
                gateway: &plan.way_to(&places.own),
                tls: plan.is_secure.then_some([certificate.as_path(), key.as_path()]),
            };
            Some(Kamailio::start(&places.server, SIP_PORT, &config)?)
        };
        let server_at = places.server.at(SIP_PORT);
        let (mut provider, mut host) = (None, None);
        if kamailio.is_some() {
            host = Some(places.server);
        } else {
            provider = Some(Gateway::start_at(places.server, &provider_config));
        }
        let gateway = Gateway::start_at(places.own, &config);
        let office = phone(places.office.at(SIP_PORT), gateway.sip(), "2001", OFFICE_HZ);
        let far = phone(places.far.at(SIP_PORT), server_at, "bob", FAR_HZ);
        let third = phone(places.third.at(SIP_PORT), third_server, "2003", THIRD_HZ);
        // Keys pass Kamailio, and end at a second Webtrunk.
        let srtp = (plan.is_secure && kamailio.is_some()).then_some(PhoneSrtp {
            profile: SrtpProfile::Aes128CmHmacSha1_80,
            is_optional: false,
            later: LaterKeys::Kept,
        });
        let session_interval = plan.is_far_refreshing.then_some(SESSION);
        let far = PhoneConfig { srtp, session_interval, ..far };
        let [office, far, third] = [office, far, third].map(Phone::new);
        let network = Self {
            plan,
            office: office.await.expect("the host is ours"),
            far: far.await.expect("the host is ours"),
            third: third.await.expect("the host is ours"),
            gateway,
            provider,
            _kept: (kamailio, host, [places.office, places.far, places.third], folder),
        };
        network.register().await;
        Some(network)
    }

    async fn register(&self) {
        if self.plan.between == Between::Registrar {
            self.far.register().await.expect("Kamailio takes the password");
        }
        if self.plan.is_registered_at() {
            let state = || self.gateway.status()["trunks"]["provider"]["registrations"][0]["state"].clone();
            assert!(wait_until(PATIENCE, || state() == "registered"), "{}", self.gateway.status());
        }
    }

    /// The office calls; the far phone answers. Gives both ends.
    pub(super) async fn call_out(&self) -> (Call, Call) {
        let (call, lifted) = tokio::join!(self.office.call(self.plan.far_number()), lift(&self.far));
        (call.expect("an answer"), lifted)
    }

    /// The far phone calls; the office answers. Gives the office's end first.
    pub(super) async fn call_in(&self) -> (Call, Call) {
        let (call, lifted) = tokio::join!(self.far.call(self.plan.office_number()), lift(&self.office));
        (lifted, call.expect("an answer"))
    }

    /// Nothing of so many calls is left at the gateway.
    pub(super) fn assert_all_is_over(&self, calls: usize) {
        self.gateway.assert_all_is_over(calls);
    }
}

fn phone(bind: SocketAddr, server: SocketAddr, user: &str, hz: u16) -> PhoneConfig {
    PhoneConfig {
        bind,
        server: Some(server),
        user: user.to_owned(),
        credentials: Some(Credentials::new(user, &password(user))),
        codecs: vec![CodecId::Pcmu],
        voice: Some(Voice::tone(hz, LEVEL_DBM0)),
        ..PhoneConfig::default()
    }
}

/// Takes the next call.
pub(super) async fn lift(phone: &Phone) -> Call {
    let incoming = tokio::time::timeout(PATIENCE, phone.next_incoming()).await.expect("in time");
    let incoming = incoming.expect("a call");
    incoming.ring();
    incoming.answer().await.expect("a codec in common")
}
