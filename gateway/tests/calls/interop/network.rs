//! An office behind the gateway, a phone behind another server, and that server between the two.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{
    Call, Credentials, LaterKeys, Phone, PhoneConfig, PhoneSrtp, SrtpProfile, Voice,
};

use super::kamailio::{Kamailio, KamailioConfig};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::tools;

pub(super) const OFFICE_HZ: u16 = 440;
pub(super) const FAR_HZ: u16 = 850;
pub(super) const LEVEL_DBM0: f64 = -10.0;

/// What is between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    /// Kamailio, at which the gateway and the far phone register.
    Registrar,
    /// Kamailio, which stays on the way of calls by addresses.
    Proxy,
    /// The same, reached by TLS; media are encrypted by keys in the descriptions.
    SecureProxy,
    /// A second Webtrunk, at which the gateway registers.
    Webtrunk,
}

/// All of it.
pub(super) struct Network {
    pub(super) gateway: Gateway,
    pub(super) office: Phone,
    pub(super) far: Phone,
    pub(super) between: Between,
    /// What keeps the rest up: the server, its host, the phones' hosts.
    _kept: (Option<Gateway>, Option<Kamailio>, Option<Host>, [Host; 2], TempDir),
}

impl Network {
    /// Everything is up, and registered where it is to be. `None` where a program is missing.
    pub(super) async fn new(between: Between) -> Option<Self> {
        Self::with(between, "").await
    }

    /// The same, with more lines for `[sip]` of the gateway.
    pub(super) async fn with(between: Between, sip: &str) -> Option<Self> {
        if between != Between::Webtrunk {
            tools::command("kamailio")?;
        }
        let [own, server, office, far] = std::array::from_fn(|_| Host::new());
        let folder = TempDir::new().expect("a folder for the test");
        let [certificate, key] = pair(&folder, "server", &server);
        let mut config = config(between, &server, &office).sip(sip);
        if between == Between::SecureProxy {
            let [own_certificate, own_key] = pair(&folder, "own", &own);
            let listener = format!("[[sip.listeners]]\ntransport = 'tls'\nbind = '{}'", own.at(SIP_PORT + 1));
            config = config.tls(&own_certificate, &own_key).trusting(&certificate).sip(&listener);
        }
        let server_at = server.at(SIP_PORT);
        let (mut provider, mut kamailio, mut host) = (None, None, None);
        if between == Between::Webtrunk {
            provider = Some(Gateway::start_at(server, &provider_config(&far)));
        } else {
            let is_secure = between == Between::SecureProxy;
            let listen = [format!("udp:{server_at}"), format!("tls:{}", server.at(SIP_PORT + 1))];
            let config = KamailioConfig {
                listen: if is_secure { &listen } else { &listen[..1] },
                far: far.at(SIP_PORT),
                gateway: own.at(SIP_PORT),
                tls: is_secure.then_some([certificate.as_path(), key.as_path()]),
            };
            kamailio = Some(Kamailio::start(&server, SIP_PORT, &config)?);
            host = Some(server);
        }
        let gateway = Gateway::start_at(own, &config);
        let phone = async |host: &Host, server, user: &str, hz, srtp| {
            let config = PhoneConfig {
                bind: host.at(SIP_PORT),
                server: Some(server),
                user: user.to_owned(),
                credentials: Some(Credentials::new(user, &password(user))),
                codecs: vec![CodecId::Pcmu],
                voice: Some(Voice::tone(hz, LEVEL_DBM0)),
                srtp,
                ..PhoneConfig::default()
            };
            Phone::new(config).await.expect("the host is ours")
        };
        let srtp = (between == Between::SecureProxy).then_some(PhoneSrtp {
            profile: SrtpProfile::Aes128CmHmacSha1_80,
            is_optional: false,
            later: LaterKeys::Kept,
        });
        let network = Self {
            office: phone(&office, gateway.sip(), "2001", OFFICE_HZ, None).await,
            far: phone(&far, server_at, "bob", FAR_HZ, srtp).await,
            gateway,
            between,
            _kept: (provider, kamailio, host, [office, far], folder),
        };
        network.register().await;
        Some(network)
    }

    async fn register(&self) {
        if self.between == Between::Registrar {
            self.far.register().await.expect("Kamailio takes the password");
        }
        if self.is_registered_at() {
            let state = || self.gateway.status()["trunks"]["provider"]["registrations"][0]["state"].clone();
            assert!(wait_until(PATIENCE, || state() == "registered"), "{}", self.gateway.status());
        }
    }

    /// Whether the gateway has an account at the server.
    pub(super) const fn is_registered_at(&self) -> bool {
        matches!(self.between, Between::Registrar | Between::Webtrunk)
    }

    /// What the office dials to reach the far phone.
    pub(super) const fn far_number(&self) -> &'static str {
        match self.between {
            Between::Registrar => "bob",
            Between::Proxy | Between::SecureProxy | Between::Webtrunk => "9100",
        }
    }

    /// What the far phone dials to reach the office.
    pub(super) const fn office_number(&self) -> &'static str {
        match self.between {
            Between::Registrar => "gate",
            Between::Proxy | Between::SecureProxy => "100",
            Between::Webtrunk => "7100",
        }
    }

    /// The office calls; the far phone answers. Gives both ends.
    pub(super) async fn call_out(&self) -> (Call, Call) {
        let (call, lifted) = tokio::join!(self.office.call(self.far_number()), lift(&self.far));
        (call.expect("an answer"), lifted)
    }

    /// The far phone calls; the office answers. Gives the office's end first.
    pub(super) async fn call_in(&self) -> (Call, Call) {
        let (call, lifted) = tokio::join!(self.far.call(self.office_number()), lift(&self.office));
        (lifted, call.expect("an answer"))
    }

    /// Nothing of so many calls is left at the gateway.
    pub(super) fn assert_all_is_over(&self, calls: usize) {
        self.gateway.assert_all_is_over(calls);
    }
}

/// Takes the next call.
async fn lift(phone: &Phone) -> Call {
    let incoming = tokio::time::timeout(PATIENCE, phone.next_incoming()).await.expect("in time");
    let incoming = incoming.expect("a call");
    incoming.ring();
    incoming.answer().await.expect("a codec in common")
}

/// The gateway's.
fn config(between: Between, server: &Host, office: &Host) -> GatewayConfig {
    let (ip, secret) = (server.ip(), password("gate"));
    let account = format!(
        "credentials = {{ user = 'gate', password = '{secret}' }}\nregister = [{{ user = 'gate', expires_s = 60 }}]"
    );
    let (transport, more) = match between {
        Between::Registrar | Between::Webtrunk => ("udp", account),
        Between::Proxy => ("udp", format!("networks = ['{ip}']")),
        Between::SecureProxy => ("tls", format!("networks = ['{ip}']\nsrtp = 'require'")),
    };
    let shown = if matches!(between, Between::Registrar | Between::Webtrunk) {
        ", shown_number = 'gate'"
    } else {
        ""
    };
    GatewayConfig::default()
        .trunk("office", office, &["PCMU"])
        .trunk_lines(&format!(
            "name = 'provider'\nhost = '{ip}'\ntransport = '{transport}'\ncodecs = ['PCMU']\n{more}"
        ))
        .rule(&format!(
            "destination = 'bob|9\\d+'\nfrom_trunk = 'office'\n\
             actions = [{{ bridge = {{ trunk = 'provider', number = '$0'{shown} }} }}]"
        ))
        .rule(
            "destination = 'gate|100'\nfrom_trunk = 'provider'\n\
             actions = [{ bridge = { trunk = 'office', number = '100' } }]",
        )
}

/// That of the second Webtrunk.
fn provider_config(far: &Host) -> GatewayConfig {
    GatewayConfig::default()
        .user("gate")
        .trunk("network", far, &["PCMU"])
        .rule("destination = '9\\d+'\nactions = [{ bridge = { trunk = 'network', number = '$0' } }]")
        .rule("destination = '7\\d+'\nfrom_trunk = 'network'\nactions = [{ bridge = { user = 'gate' } }]")
}

/// A certificate for a host and its key, in files.
pub(super) fn pair(folder: &TempDir, name: &str, host: &Host) -> [PathBuf; 2] {
    let made = rcgen::generate_simple_self_signed(vec![host.ip().to_string()]).expect("a certificate");
    [("crt", made.cert.pem()), ("key", made.signing_key.serialize_pem())].map(|(end, text)| {
        let path = folder.path().join(format!("{name}.{end}"));
        let file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the folder is ours");
        path
    })
}
