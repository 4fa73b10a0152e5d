//! What a watcher is told: all at first, and then what changes.

use proptest::prelude::*;

use super::*;

#[test]
fn a_watcher_is_told_all_at_once_and_then_what_changes() {
    let mut bench = Bench::new();
    let (first, answer) = bench.watch("ann", "bob", "dialog;id=7");
    assert_eq!(answer.headers.expires(), Ok(Some(600)));
    assert!(answer.headers.to().is_ok_and(|to| to.tag() == Some("ours1")));
    assert_eq!((dialogs(&first).as_str(), state(&first)), ("0 full", "active;expires=600"));
    let request = &first.request;
    assert_eq!(header(request, &HeaderName::Event), "dialog;id=7");
    assert_eq!(header(request, &HeaderName::ContentType), "application/dialog-info+xml");
    assert_eq!(request.uri.to_string(), "sip:x@1.invalid;transport=ws");
    assert_eq!(header(request, &HeaderName::Contact), "<sip:192.0.2.1>");
    assert!(body(&first).contains("entity=\"sip:bob@test\""));
    bench.heard(first.id, true);
    let [one, two] = [LegId::next(), LegId::next()];
    bench.pass(Duration::from_secs(1));
    bench.call("bob", one, Some(Stage::Trying));
    let told = bench.next();
    assert_eq!(dialogs(&told), "1 partial trying");
    assert!(
        body(&told).contains("direction=\"recipient\"") && !body(&told).contains("030"),
        "{}",
        body(&told)
    );
    bench.heard(first.id, true);
    bench.pass(Duration::from_secs(1));
    bench.call("bob", two, Some(Stage::Early));
    assert_eq!(dialogs(&bench.next()), "2 partial early", "the one that is as it was is left out");
    bench.heard(first.id, true);
    bench.pass(Duration::from_secs(1));
    bench.call("bob", one, None);
    assert_eq!(dialogs(&bench.next()), "3 partial terminated");
    bench.heard(first.id, true);
    bench.pass(Duration::from_secs(10));
    bench.call("carol", LegId::next(), Some(Stage::Early));
    assert!(bench.told.is_empty(), "nobody watches carol");
}

#[test]
fn what_changes_while_a_notification_is_under_way_or_within_a_second_is_told_together() {
    let mut bench = Bench::new();
    let (first, _) = bench.watch("ann", "bob", "dialog");
    let leg = LegId::next();
    bench.call("bob", leg, Some(Stage::Trying));
    bench.call("bob", leg, Some(Stage::Early));
    assert!(bench.told.is_empty());
    bench.pass(Duration::from_millis(400));
    bench.heard(first.id, true);
    assert!(bench.told.is_empty(), "a second has not passed");
    bench.pass(Duration::from_millis(599));
    assert!(bench.told.is_empty());
    bench.pass(Duration::from_millis(1));
    assert_eq!(dialogs(&bench.next()), "1 partial early");
    bench.heard(first.id, true);
    // A call that came and went in the pause is none to tell of.
    let brief = LegId::next();
    bench.call("bob", brief, Some(Stage::Trying));
    bench.call("bob", brief, None);
    bench.pass(Duration::from_secs(5));
    assert!(bench.told.is_empty());
}

#[test]
fn parties_are_told_where_that_is_configured_and_nothing_in_a_name_is_structure() {
    let mut bench = Bench::new();
    bench.notifier =
        Notifier::new(SubscriptionConfig { shows_parties: true, ..bench.notifier.config().clone() });
    bench.call("bob", LegId::next(), Some(Stage::Early));
    let (first, _) = bench.watch("ann", "bob", "dialog");
    let expected = "<remote><identity>sip:030&lt;1&gt;@test</identity></remote>";
    assert!(body(&first).contains(expected), "{}", body(&first));
}

proptest! {
    /// A watcher that puts together what it is told knows what is, whatever happens in what order.
    #[test]
    fn partial_documents_add_up_to_what_is(
        steps in prop::collection::vec((0..5_u8, 0..4_usize, 0..3_u8, 0..1500_u64), 1..80)
    ) {
        let mut bench = Bench::new();
        let legs = [(); 4].map(|()| LegId::next());
        let (first, _) = bench.watch("ann", "bob", "dialog");
        let mut known: HashMap<String, String> = HashMap::new();
        let mut is: HashMap<String, String> = HashMap::new();
        let mut version = 0;
        let mut is_under_way = true;
        let stages = [("trying", Stage::Trying), ("early", Stage::Early), ("confirmed", Stage::Confirmed)];
        for (kind, leg, stage, time) in steps.into_iter().chain([(4, 0, 0, 0), (3, 0, 0, 2000), (4, 0, 0, 0), (3, 0, 0, 2000)]) {
            match kind {
                0 | 1 => {
                    let (name, stage) = stages[usize::from(stage)];
                    is.insert(legs[leg].to_string(), name.to_owned());
                    bench.call("bob", legs[leg], Some(stage));
                }
                2 => {
                    is.remove(&legs[leg].to_string());
                    bench.call("bob", legs[leg], None);
                }
                3 => bench.pass(Duration::from_millis(time)),
                _ if is_under_way => {
                    is_under_way = false;
                    bench.heard(first.id, true);
                }
                _ => {}
            }
            for told in std::mem::take(&mut bench.told) {
                prop_assert!(!is_under_way, "one at a time");
                is_under_way = true;
                version += 1;
                let text = body(&told).to_owned();
                let expected = format!("version=\"{}\" state=\"partial\"", version);
                prop_assert!(text.contains(&expected));
                for dialog in text.split("<dialog id=\"").skip(1) {
                    let id = dialog.split('"').next().unwrap_or_default().to_owned();
                    let state = dialog.split("<state>").nth(1).and_then(|rest| rest.split('<').next());
                    match state.unwrap_or_default() {
                        "terminated" => drop(known.remove(&id)),
                        state => drop(known.insert(id, state.to_owned())),
                    }
                }
            }
        }
        prop_assert_eq!(known, is);
        for leg in legs {
            bench.call("bob", leg, None);
        }
        prop_assert_eq!(bench.notifier.known_users(), 0, "nothing is kept of who has no calls");
    }
}
