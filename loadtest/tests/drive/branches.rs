//! Ways through a scenario of SIPp, played: those that chance takes, a counter, and the target.

use std::fs;
use std::path::Path;

use tokio::sync::watch;
use webtrunk_codecs::SampleRate;
use webtrunk_loadtest::agent::{Phone, PhoneConfig, Voice};
use webtrunk_loadtest::drive::{Crowd, Stop, run};
use webtrunk_loadtest::hear::{Hum, HumHeard};
use webtrunk_loadtest::scenario::Scenario;

use crate::faulty::{Fault, FaultyGateway};
use crate::import::{SCENARIOS, program, said};
use crate::stage::free_address;

/// One of them is refused.
const CALLS: usize = 9;

/// The branching caller: whom it calls is a variable, so is what the target says, and its longer way takes six seconds.
fn branching() -> String {
    let xml = fs::read_to_string(format!("{SCENARIOS}/branching.xml")).expect("in the repository");
    let whom = "  <nop><action><assignstr assign_to=\"whom\" value=\"7000\"/></action></nop>\n";
    let learnt = "  <recv response=\"200\">\n\
                  <action><ereg regexp=\".*\" search_in=\"hdr\" header=\"Contact:\" assign_to=\"contact\"/></action>\n\
                  </recv>\n  <nop test=\"contact\" next=\"known\"/>\n  <label id=\"known\"/>\n";
    let changed = xml
        .replacen("  <send ", &format!("{whom}  <send "), 1)
        .replacen("  <recv response=\"200\"/>\n", learnt, 1)
        .replace("BYE sip:[service]@[remote_ip]", "BYE [$contact]")
        .replace("sip:[service]@", "sip:[$whom]@")
        .replacen("milliseconds=\"8000\"", "milliseconds=\"2000\"", 1);
    assert!(
        [whom, learnt, "BYE [$contact]", "INVITE sip:[$whom]@", "2000"].iter().all(|it| changed.contains(it))
    );
    changed
}

/// Who calls is asked for a password, and the first call is refused as busy. In each other one a digit is pressed three times, by
/// a counter, and one of four goes on by chance.
#[tokio::test(flavor = "multi_thread")]
async fn each_way_by_chance_by_a_counter_and_by_the_target_is_gone_and_heard() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::AsksWhoCalls).await;
    let config = PhoneConfig { bind: phone, voice: Some(Voice::tone(440, -10.0)), ..PhoneConfig::default() };
    let answerer = Phone::new(config).await.expect("a port");
    let answering = tokio::spawn(async move {
        let busy = answerer.next_incoming().await.expect("a call");
        busy.reject(486).await.expect("still there");
        let mut taken = Vec::new();
        for _ in 1..CALLS {
            let incoming = answerer.next_incoming().await.expect("a call");
            assert_eq!((incoming.from.as_str(), incoming.to.as_str()), ("alice", "7000"));
            incoming.return_digits();
            taken.push(incoming.answer().await.expect("a codec in common"));
        }
        (answerer, taken)
    });
    let folder = tempfile::tempdir().expect("a folder");
    let [out, xml] = ["scenario.toml", "branching.xml"].map(|name| folder.path().join(name));
    fs::write(&xml, branching()).expect("room");
    let [out, xml] = [&out, &xml].map(|path| path.to_str().expect("a name"));
    let (target, calls) = (gateway.address().to_string(), CALLS.to_string());
    let imported = program(&["import", xml, "--out", out, "--target", &target, "-r", "4", "-m", &calls]);
    assert!(imported.status.success(), "{}", said(&imported));
    assert!(said(&imported).contains("to \"busy\", that is not played"), "{}", said(&imported));

    let scenario = Scenario::load(Path::new(out)).unwrap_or_else(|error| panic!("{error}"));
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let report = run("it.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    assert_eq!((report.calls.len(), report.summary.failed), (CALLS, 1), "{:?}", report.summary.causes);
    assert!(report.summary.causes.keys().any(|it| it.contains("486")), "{:?}", report.summary.causes);
    let longer = report.calls.iter().filter(|it| it.traffic == "way 2 of 2").count();
    // A quarter; both ways have a call at the same time, of which either may be the last.
    assert!((2..=3).contains(&longer), "{:?}", report.calls);
    let (_answerer, taken) = answering.await.expect("all of them");
    let mut heard = Vec::new();
    for lifted in &taken {
        let log = lifted.heard().await.expect("a log");
        assert_eq!(log.digits_text(), "555", "as often as the counter lets it");
        heard.push(log.samples(SampleRate::HZ_8000));
    }
    for call in report.calls.iter().filter(|it| it.is_ended()) {
        let lasts = if call.traffic == "way 1 of 2" { 3.9..5.5 } else { 5.9..7.5 };
        assert!(lasts.contains(&call.talked_s), "{call:?}");
        let verdict = call.verdict.as_ref().expect("it was up");
        assert_eq!(verdict.to_caller.digits, "555", "they come back: {call:?}");
        assert!(verdict.to_caller.is_heard && verdict.to_caller.received > 100, "{call:?}");
        let hum = Hum::of_caller(call.call);
        let whose = heard.iter().filter(|samples| HumHeard::of(samples, hum, &[]).whose == Some(hum));
        assert_eq!(whose.count(), 1, "{call:?} is heard where it was lifted");
    }
}

#[test]
fn what_the_target_alone_knows_is_refused_by_its_element_and_line_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let [out, xml] = ["scenario.toml", "branching.xml"].map(|name| folder.path().join(name));
    for (from, to, element, expected) in [
        (
            "assignstr assign_to=\"whom\" value=\"7000\"",
            "ereg regexp=\".*\" search_in=\"msg\" assign_to=\"whom\"",
            "<send retrans",
            "<send>: [$whom] in the Request-URI is not known before the call; write it out",
        ),
        (
            "<nop test=\"contact\" next=\"known\"/>",
            "<nop test=\"contact\" next=\"long\"/>",
            "<nop test=\"contact\"",
            "<nop>: goes on differently by what the target says",
        ),
        (
            "<pause milliseconds=\"1000\"/>",
            "<pause variable=\"contact\"/>",
            "<pause variable",
            "<pause>: lasts as long as $contact says, which nobody knows before",
        ),
    ] {
        let changed = branching().replacen(from, to, 1);
        let line = changed.lines().position(|line| line.contains(element)).expect("it is there") + 1;
        fs::write(&xml, &changed).expect("room");
        let [out, xml] = [&out, &xml].map(|path| path.to_str().expect("a name"));
        let failed = program(&["import", xml, "--out", out]);
        let told = said(&failed);
        assert!(told.contains(&format!("branching.xml:{line}: {expected}")), "{told}");
        assert!(!failed.status.success() && !Path::new(out).exists(), "{told}");
    }
}
