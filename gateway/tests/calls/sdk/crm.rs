//! The SDK's example of a CRM, end to end: its server's token brings the account of the person at a provider, by which she is
//! registered there and called; the page knows nothing of it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;
use webtrunk_codecs::g711::Law;

use super::server::Server;
use super::stage::PHONE_HZ;
use crate::agents::recorded::read_wav;
use crate::agents::rest::hook_receiver::{HookReceiver, kinds};
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::page::Microphone;
use crate::support::process::wait_until;
use crate::support::seat::{Seat, in_each_browser};
use crate::support::sound::{PEAK_AT_10_DBM0, Sound};
use crate::support::tools;

/// The person's account at the provider.
const ACCOUNT: &str = "4930123457";
const PASSWORD: &str = "hers at the provider";

/// What she says.
const PAGE_HZ: f64 = 600.0;

/// What the CRM's server is told of a call.
const EVENTS: [&str; 4] = ["call.started", "call.answered", "call.ended", "recording.ready"];

/// The gateway at a provider of which one host registers and another sends calls.
fn gateway(
    seat: &Seat,
    server: &Server,
    hooks: &HookReceiver,
    [registrar, network]: [&Host; 2],
    [recordings, store, certificates]: [&TempDir; 3],
) -> Gateway {
    let (ip, calls_from) = (registrar.ip(), network.ip());
    let hook = hooks.entry("crm", &format!("events = {EVENTS:?}"));
    let json = format!("[json]\nresume_s = 0\naccount_grace_s = 0\n{}\n[rest]\n{hook}", server.lines(&[]));
    let config = GatewayConfig::default()
        .origin(seat.browser().origin())
        .sections(&json)
        .recording(recordings.path())
        .store(&store.path().join("w.db"))
        .trunk_lines(&format!(
            "name = 'provider'\nhost = '{ip}'\ntransport = 'udp'\ncodecs = ['PCMU']\npage_accounts = true\n\
             networks = ['{ip}', '{calls_from}']"
        ))
        .rule(
            "destination = '[a-z]+'\nfrom_trunk = 'provider'\nactions = [{ record = { format = 'wav' } }, \
             { bridge = { user = '$0', headers = { set = { X-Case = '42' } } } }]",
        );
    Gateway::start_at(seat.host(), &seat.for_secrets(config, certificates))
}

/// The one recording that there is.
fn recording(folder: &TempDir) -> PathBuf {
    let mut files = fs::read_dir(folder.path()).expect("our folder").map(|file| file.expect("a file").path());
    let file = files.next().expect("it was recorded");
    assert!(files.next().is_none(), "and once");
    file
}

in_each_browser!(a_call_to_the_crms_account_pops_its_card_before_it_rings_is_talked_in_and_recorded);

fn a_call_to_the_crms_account_pops_its_card_before_it_rings_is_talked_in_and_recorded(seat: &Seat) {
    if tools::command("sipp").is_none() {
        return;
    }
    let browser = seat.browser();
    let [host, network] = [Host::new(), Host::new()];
    let account = json!({"user": ACCOUNT, "password": PASSWORD, "domain": host.ip().to_string()});
    let Some(server) = seat.beside_browser(|| Server::start(Some(&account))) else { return };
    let [recordings, store, certificates] = [(); 3].map(|()| TempDir::new().expect("a folder"));
    let hooks = HookReceiver::start();
    let gateway = gateway(seat, &server, &hooks, [&host, &network], [&recordings, &store, &certificates]);
    let registrar = Sipp::callee(&host, "registrar", &[("USER", ACCOUNT), ("PASSWORD", PASSWORD)]);

    // By her token alone she is registered, with a Digest that another's code finds right.
    let microphone = Microphone::Tone { hz: PAGE_HZ, peak: PEAK_AT_10_DBM0 };
    let page = browser.visit_speaking(&server.page("crm", &gateway), microphone);
    page.see("#status", "Your account: registered");
    registrar.wait_for_sent("200");
    let register = registrar.received("REGISTER").pop().expect("it is there");
    let proof = register.header("Authorization").expect("it is proven");
    assert!(
        proof.contains(&format!("username=\"{ACCOUNT}\"")) && proof.contains("realm=\"provider.example\""),
        "{proof}"
    );
    let contact = register.header("Contact").expect("it says where she is");
    let user = contact.split("sip:").nth(1).and_then(|uri| uri.split('@').next()).expect("a user");

    // Who calls her has a card before the page rings, and nobody lifts yet.
    let mut sound = RtpPeer::new(&network, 7000);
    let phone = Sipp::caller(&network, "caller_talks", gateway.sip(), user, &[("FORMATS", "0")]);
    page.see(".name", "Ada Example");
    page.see(".notes", "Waits for a part since Monday. X-Case: 42");
    assert!(wait_until(PATIENCE, || page.noted().contains(&"sounds".to_owned())), "it rings");
    let noted = page.noted();
    assert!(
        matches!(&noted[..], [card, bell] if card.starts_with("#card-") && bell == "sounds"),
        "{noted:?}"
    );
    assert!(phone.received("200").is_empty());
    assert_eq!(hooks.wait(1)[0].body["type"], "call.started", "the CRM's server knows by now");

    page.click(".answer");
    page.see("#status", "From Ada Example: connected");
    let port = phone.wait_for("200").audio_port().expect("it has audio");
    sound.say(SocketAddr::new(gateway.sip().ip(), port), Law::Mu, PHONE_HZ);
    sound.assert_hears(Law::Mu, PAGE_HZ);
    let hears = || page.begin_to_listen("audio", 2.0).wait().expect_tone(PHONE_HZ, PEAK_AT_10_DBM0, 1.0);
    assert!(wait_until(PATIENCE, || hears().is_ok()), "{:?}", hears());
    phone.go_on();
    page.see("#status", "The call was hung up.");
    phone.finish();
    gateway.assert_all_is_over(1);

    // Each on its side: who called on the left.
    let file = recording(&recordings);
    let ([left, right], rate) = read_wav(&file);
    for (side, own, other) in [(left, PHONE_HZ, PAGE_HZ), (right, PAGE_HZ, PHONE_HZ)] {
        let second = rate.hz() as usize;
        let seconds = side.windows(second).step_by(second / 4);
        let mut seconds = seconds.map(|samples| Sound { rate: rate.hz(), samples: samples.to_vec() });
        let is_clear = |sound: Sound| {
            sound.expect_tone(own, PEAK_AT_10_DBM0, 1.0).is_ok() && sound.level_at(other) < -45.0
        };
        assert!(seconds.any(is_clear), "{own} Hz is on its side, and nowhere else");
    }

    // The CRM's server is told by signed events, and where the recording is.
    let told = hooks.wait(EVENTS.len());
    assert_eq!(kinds(&told), EVENTS);
    let [answered, ready] = [&told[1].body, &told[3].body];
    assert_eq!(
        (&answered["call"]["caller"], &answered["call"]["state"]),
        (&json!("2001"), &json!("talking"))
    );
    let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
    assert_eq!(
        (&ready["recording"], &ready["call"]["end"]["cause"]),
        (&json!(name), &json!("hangup")),
        "{ready}"
    );

    // She is called no more once her page is gone; what it was told holds no password.
    drop(page);
    registrar.finish();
    assert_eq!(gateway.log().count(&[PASSWORD]) + browser.log().count(&[PASSWORD]), 0);
    gateway.stop();
}
