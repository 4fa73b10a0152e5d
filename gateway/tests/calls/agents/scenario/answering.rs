//! Pages that answer: they are called by phones and browsers, and by each other.

use super::{PATIENT, account, assert_all_are_heard, play};
use crate::agents::json::page::address;
use crate::agents::stage::Stage;
use crate::support::gateway::{GatewayConfig, password};
use crate::support::gateway_config::SIP_PORT;

/// A stage with pages of these users, whom everybody may call by their names.
fn stage(users: [&str; 2]) -> Stage {
    let mut config = GatewayConfig::default().sections("[json]\npasswords = true\n");
    for user in users {
        config = config.user(user);
        for from in ["", "from_trunk = 'office'\n"] {
            config = config.rule(&format!(
                "destination = '{user}'\n{from}actions = [{{ bridge = {{ user = '{user}' }} }}]"
            ));
        }
    }
    Stage::with(&["PCMU"], config)
}

/// The accounts of these users, one for each agent.
fn accounts(users: [&str; 2]) -> String {
    let [one, other] =
        users.map(|user| format!("{{ user = \"{user}\", password = \"{}\" }}", password(user)));
    format!("accounts = {{ list = [{one}, {other}] }}")
}

/// In each call both ends press keys, of which a page is told by an event, and the page holds.
#[tokio::test(flavor = "multi_thread")]
async fn pages_that_answer_are_called_by_phones_and_browsers() {
    let users = ["bob", "carol"];
    let stage = stage(users);
    let traffic = |from: &str, hanger: &str| {
        format!(
            "[[traffic]]\nfrom = \"{from}\"\nto = \"pages\"\ndestination = \"{{user}}\"\n\
             arrival = {{ closed = 1 }}\nlength = {{ fixed = 6 }}\nhangs_up = \"{hanger}\"\n\
             steps = [{{ after = 2.5, digits = \"12#\" }}, {{ after = 3.5, digits = \"7\", by = \"answerer\" }},\
             {{ after = 4.2, hold = 0.5, by = \"answerer\" }}]\n"
        )
    };
    let text = format!(
        "[limits]\ncalls = 4\nseconds = 60\n[target]\nsip = \"{}\"\nsip_ws = \"{}\"\njson = \"{}\"\n\
         [[agents]]\nname = \"office\"\nkind = \"phone\"\nrole = \"caller\"\nbind = \"{}\"\n\
         [[agents]]\nname = \"browsers\"\nkind = \"webrtc\"\nrole = \"caller\"\n{}\n\
         [[agents]]\nname = \"pages\"\nkind = \"json\"\nrole = \"answerer\"\ncount = 2\nrings_seconds = 0.2\n{}\n\
         {}{}{PATIENT}",
        stage.gateway.sip(),
        stage.gateway.websocket(),
        address(&stage.gateway),
        stage.office.at(SIP_PORT),
        account("alice"),
        accounts(users),
        traffic("office", "answerer"),
        traffic("browsers", "caller"),
    );
    let report = play(&stage.gateway, &text).await;
    assert_all_are_heard(&report, 4);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let page = verdict.to_answerer.as_ref().expect("the page");
        assert_eq!((page.digits.as_str(), verdict.to_caller.digits.as_str()), ("12#", "7"), "{call:?}");
        for direction in [&verdict.to_caller, page] {
            assert!(direction.delay_ms.is_some() && direction.mos.is_some_and(|mos| mos > 1.5), "{call:?}");
        }
        let codec = if call.traffic == "office to pages" { "PCMU" } else { "opus" };
        assert_eq!(call.codec.as_deref(), Some(codec), "{call:?}");
    }
    for traffic in ["office to pages", "browsers to pages"] {
        assert!(report.calls.iter().any(|call| call.traffic == traffic), "{traffic}: {:?}", report.calls);
    }
    stage.gateway.assert_all_is_over(4);
}

/// Two users of a list, of whom each calls the other and is called by it.
#[tokio::test(flavor = "multi_thread")]
async fn pages_that_call_and_answer_call_each_other() {
    let users = ["bob", "carol"];
    let stage = stage(users);
    let text = format!(
        "[limits]\ncalls = 4\nseconds = 60\n[target]\njson = \"{}\"\n\
         [[agents]]\nname = \"pages\"\nkind = \"json\"\nrole = \"both\"\ncount = 2\n{}\n\
         [[traffic]]\nfrom = \"pages\"\nto = \"pages\"\ndestination = \"{{user}}\"\n\
         arrival = {{ closed = 1 }}\nlength = {{ fixed = 4 }}\n{PATIENT}",
        address(&stage.gateway),
        accounts(users),
    );
    let report = play(&stage.gateway, &text).await;
    assert_all_are_heard(&report, 4);
    let dialled: Vec<_> = report.calls.iter().map(|it| it.destination.as_str()).collect();
    assert_eq!(dialled, ["carol", "bob", "carol", "bob"]);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let other = verdict.to_answerer.as_ref().expect("the other page");
        for direction in [&verdict.to_caller, other] {
            assert!(direction.mos.is_some_and(|mos| mos > 1.5), "{call:?}");
        }
    }
    stage.gateway.assert_all_is_over(4);
}
