//! Who watches a colleague's phone ring picks the call up, as phones with lamps do: by what the document names.

use webtrunk_codecs::g711::Law;
use webtrunk_signalling::auth::digest::Algorithm;

use super::calls::{config, read};
use super::watcher::{Watcher, body};
use crate::sip::raw_phone::RawPhone;
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::{PORT, Sipp};
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::host::Host;
use crate::support::tools;

const CALLER_HZ: f64 = 850.0;
const CAROL_HZ: f64 = 1400.0;

/// The office calls bob, whose phone rings; carol watches him.
pub(super) struct Scene {
    pub(super) gateway: Gateway,
    office: Host,
    caller: Sipp,
    phone: Sipp,
    /// What carol was told of the call.
    pub(super) told: String,
    _desk: Host,
}

impl Scene {
    pub(super) fn ringing(config: GatewayConfig) -> Option<Self> {
        tools::command("sipp")?;
        let [office, desk] = std::array::from_fn(|_| Host::new());
        let config = config
            .md5_only()
            .trunk("office", &office, &["PCMU"])
            .rule("destination = 'bob'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'bob' } }]");
        let gateway = Gateway::start(&config);
        let mut bob = RawPhone::at_port(&desk, PORT, &gateway, "bob");
        bob.register(Algorithm::Md5, &password("bob"), "");
        drop(bob);
        let mut carol = Watcher::new(&gateway, "carol");
        carol.subscribe("bob", "Event: dialog\r\n");
        carol.told("200 OK");
        let phone = Sipp::callee(&desk, "callee_rings", &[]);
        let caller = Sipp::caller(&office, "caller_talks", gateway.sip(), "bob", &[]);
        phone.wait_for_sent("180");
        let documents = || body(&carol.told("200 OK")).to_owned();
        let told = (0..3).map(|_| documents()).find(|told| read(told).ends_with("recipient early"));
        let told = told.expect("it rings");
        Some(Self { gateway, office, caller, phone, told, _desk: desk })
    }

    /// What the document says of the call.
    fn attribute(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.told.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    }
}

#[test]
fn a_colleague_picks_up_what_rings_where_that_is_configured_and_nobody_else_does() {
    let Some(scene) = Scene::ringing(config().subscriptions("pickup = true")) else { return };
    let [call_id, phones, ours] =
        ["call-id", "local-tag", "remote-tag"].map(|name| scene.attribute(name).expect("it is told"));
    let replaces = format!("Replaces: {call_id};to-tag={phones};from-tag={ours};early-only");
    let [elsewhere, desk] = std::array::from_fn(|_| Host::new());

    // Dave shares no group with bob.
    let mut dave = RawPhone::new(&elsewhere, &scene.gateway, "dave");
    let uri = "sip:bob@webtrunk.test";
    let challenged = dave.ask("INVITE", uri, "");
    dave.acknowledge(&challenged);
    let answer = dave.authorization(&challenged, Algorithm::Md5, &password("dave"), ("INVITE", uri));
    let refused = dave.ask("INVITE", uri, &format!("{replaces}\r\n{answer}"));
    assert!(refused.starts_with("SIP/2.0 403 "), "{refused}");
    dave.acknowledge(&refused);

    let [mut caller_rtp, mut carol_rtp] = [&scene.office, &desk].map(|host| RtpPeer::new(host, 7000));
    let (secret, more) = (password("carol"), format!("\n{replaces}"));
    let values = [("CALLER", "carol"), ("PASSWORD", &*secret), ("MORE", &*more)];
    let carol = Sipp::caller(&desk, "caller_user", scene.gateway.sip(), "bob", &values);
    let reason = scene.phone.wait_for("CANCEL").header("Reason").map(str::to_owned);
    assert_eq!(reason.as_deref(), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    for (sound, phone, hz) in
        [(&mut caller_rtp, &scene.caller, CALLER_HZ), (&mut carol_rtp, &carol, CAROL_HZ)]
    {
        let port = phone.wait_for("200").audio_port().expect("our answer");
        sound.say((scene.gateway.sip().ip(), port).into(), Law::Mu, hz);
    }
    caller_rtp.assert_hears(Law::Mu, CAROL_HZ);
    carol_rtp.assert_hears(Law::Mu, CALLER_HZ);
    scene.caller.go_on();
    scene.caller.finish();
    carol.finish();
    scene.phone.finish();
    scene.gateway.assert_all_is_over(1);
}

#[test]
fn what_could_pick_a_call_up_is_not_told_unless_that_is_configured() {
    let Some(scene) = Scene::ringing(config()) else { return };
    assert_eq!(scene.attribute("call-id"), None, "{}", scene.told);
    scene.gateway.stop();
}
