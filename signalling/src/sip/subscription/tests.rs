//! Watchers stepped by hand, in virtual time.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use webtrunk_engine::LegId;

use super::*;
use crate::sip::agent::{LocalNames, Reach};
use crate::sip::dialog::DialogId;
use crate::sip::flow::{ConnectionId, Flow, ListenerId, TransportKind};
use crate::sip::message::{HeaderName, Host, Message, Reject, Request, Response, SipUri, StatusCode};

struct Names;

impl LocalNames for Names {
    fn sent_by(&self, flow: &Flow) -> (Host, Option<u16>) {
        (flow.local.ip().into(), None)
    }

    fn contact(&self, flow: &Flow) -> SipUri {
        SipUri::new("", flow.local.ip().into(), None)
    }

    fn listener(&self, _: &Flow) -> Arc<str> {
        "test".into()
    }

    fn flow_to(&self, _: TransportKind, _: SocketAddr) -> Option<Flow> {
        None
    }
}

fn flow(connection: u64) -> Flow {
    Flow {
        kind: TransportKind::Wss,
        listener: ListenerId(0),
        local: ([192, 0, 2, 1], 443).into(),
        remote: ([192, 0, 2, 9], 40_000).into(),
        connection: Some(ConnectionId(connection)),
    }
}

struct Bench {
    notifier: Notifier,
    now: Instant,
    cseq: u32,
    told: Vec<Notification>,
}

impl Bench {
    /// Ann, bob and carol are of a group, dave is a stranger; there are four subscriptions, three for one user.
    fn new() -> Self {
        let groups = |user: &str| match user {
            "dave" => BTreeSet::new(),
            _ => BTreeSet::from(["sales".to_owned()]),
        };
        let users = ["ann", "bob", "carol", "dave"].map(|user| (user.to_owned(), groups(user)));
        let config = SubscriptionConfig {
            rights: WatchRights { groups: HashMap::from(users), ..WatchRights::default() },
            per_user: 3,
            total: 4,
            mailbox_trunks: BTreeSet::from(["pbx".to_owned()]),
            ..SubscriptionConfig::default()
        };
        Self { notifier: Notifier::new(config), now: Instant::now(), cseq: 0, told: Vec::new() }
    }

    fn request(&mut self, watcher: &str, target: &str, lines: &str) -> Request {
        self.cseq += 1;
        let cseq = self.cseq;
        let text = format!(
            "SUBSCRIBE sip:{target}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/WSS a;branch=z9hG4bK{cseq}\r\n\
             From: <sip:{watcher}@test>;tag=w{cseq}\r\nTo: <sip:{target}@test>\r\nCall-ID: {cseq}\r\n\
             CSeq: {cseq} SUBSCRIBE\r\nContact: <sip:x@1.invalid;transport=ws>\r\n{lines}\r\n"
        );
        match Message::parse(text.into()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn subscribe(&mut self, watcher: &str, target: &str, lines: &str) -> Result<Response, Reject> {
        let request = self.request(watcher, target, lines);
        self.take(watcher, &request)
    }

    fn take(&mut self, watcher: &str, request: &Request) -> Result<Response, Reject> {
        let way = (flow(1), Reach::Flow);
        let tag = format!("ours{}", self.cseq);
        let answer = self.notifier.subscribe(request, watcher, way, &tag, self.now);
        self.collect();
        answer
    }

    /// What a watcher of a package is told first.
    fn watch(&mut self, watcher: &str, target: &str, package: &str) -> (Notification, Response) {
        let answer = self.subscribe(watcher, target, &format!("Event: {package}\r\nExpires: 600\r\n"));
        (self.next(), answer.expect("it is allowed"))
    }

    /// Ann's refresh of her subscription to bob's calls, of which this was told first and answered.
    fn refresh(&mut self, first: &Notification, answer: &Response) -> Request {
        let mut refresh = self.request("ann", "bob", "Event: dialog\r\nExpires: 300\r\n");
        let from = first.request.headers.to().expect("is whole");
        refresh.headers.set(HeaderName::From, from.to_string());
        let call_id = first.request.headers.get(&HeaderName::CallId).expect("is whole");
        refresh.headers.set(HeaderName::CallId, call_id);
        refresh.headers.set(HeaderName::To, answer.headers.get(&HeaderName::To).expect("is whole"));
        refresh
    }

    fn call(&mut self, user: &str, leg: LegId, stage: Option<Stage>) {
        let dialog = stage.map(|stage| WatchedDialog {
            direction: Direction::Recipient,
            stage,
            remote: "030<1>".to_owned(),
            id: None,
        });
        self.notifier.set_dialog(user, leg, dialog, self.now);
        self.collect();
    }

    fn heard(&mut self, id: SubscriptionId, is_heard: bool) {
        self.notifier.notified(id, is_heard, self.now);
        self.collect();
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.notifier.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.notifier.handle_timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    fn collect(&mut self) {
        self.told.extend(std::iter::from_fn(|| self.notifier.poll_notification(&Names)));
    }

    /// The one notification since the last look.
    fn next(&mut self) -> Notification {
        assert_eq!(self.told.len(), 1, "{:?}", self.told);
        self.told.remove(0)
    }
}

fn header<'a>(request: &'a Request, name: &HeaderName) -> &'a str {
    request.headers.get(name).unwrap_or_default()
}

fn state(notification: &Notification) -> &str {
    header(&notification.request, &HeaderName::SubscriptionState)
}

fn body(notification: &Notification) -> &str {
    std::str::from_utf8(&notification.request.body).expect("we write UTF-8")
}

fn status(answer: Result<Response, Reject>) -> u16 {
    answer.map_or_else(|reject| reject.status, |response| response.status).code()
}

/// The document without its frame: version, state, and each call's state.
fn dialogs(notification: &Notification) -> String {
    let text = body(notification);
    let value = |name: &str| {
        let (_, root) = text.split_once("<dialog-info").expect("the document");
        let (_, rest) = root.split_once(&format!(" {name}=\"")).expect("an attribute");
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    let states = text.split("<state>").skip(1).map(|rest| rest.split('<').next().unwrap_or_default());
    format!("{} {} {}", value("version"), value("state"), states.collect::<Vec<_>>().join(" "))
        .trim()
        .to_owned()
}

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
fn a_refresh_is_told_all_and_goes_on_counting() {
    let mut bench = Bench::new();
    let (first, answer) = bench.watch("ann", "bob", "dialog");
    bench.heard(first.id, true);
    let leg = LegId::next();
    bench.pass(Duration::from_secs(2));
    bench.call("bob", leg, Some(Stage::Confirmed));
    let told = bench.next();
    bench.heard(told.id, true);
    let mut refresh = bench.refresh(&first, &answer);
    let id = DialogId::of_request(&refresh).expect("is whole").expect("it has a tag");
    let id = bench.notifier.of_dialog(&id).expect("it is the subscription's");
    let answer = bench.notifier.resubscribe(id, &refresh, flow(1), bench.now);
    assert_eq!(answer.map(|response| response.headers.expires()), Ok(Ok(Some(300))));
    bench.collect();
    let again = bench.next();
    assert_eq!((dialogs(&again).as_str(), state(&again)), ("2 full confirmed", "active;expires=300"));

    let mut other = refresh.clone();
    other.headers.set(HeaderName::Event, "presence");
    assert_eq!(status(bench.notifier.resubscribe(id, &other, flow(1), bench.now)), 489);
    let mut old = refresh.clone();
    old.headers.set(HeaderName::CSeq, "1 SUBSCRIBE");
    assert_eq!(status(bench.notifier.resubscribe(id, &old, flow(1), bench.now)), 500);
    refresh.headers.set(HeaderName::Expires, "0");
    refresh.headers.set(HeaderName::CSeq, "99 SUBSCRIBE");
    assert_eq!(status(bench.notifier.resubscribe(id, &refresh, flow(1), bench.now)), 200);
    bench.collect();
    let last = bench.next();
    assert_eq!((dialogs(&last).as_str(), state(&last)), ("3 full confirmed", "terminated;reason=timeout"));
    assert!(bench.notifier.is_clean());
    assert_eq!(status(bench.notifier.resubscribe(id, &refresh, flow(1), bench.now)), 481);
}

#[test]
fn who_may_not_watch_any_more_does_so_to_the_end_of_its_time_alone() {
    let mut bench = Bench::new();
    let (first, answer) = bench.watch("ann", "bob", "dialog");
    bench.heard(first.id, true);
    let config = SubscriptionConfig { rights: WatchRights::default(), ..bench.notifier.config().clone() };
    bench.notifier.take_up(config);
    let mut refresh = bench.refresh(&first, &answer);
    assert_eq!(status(bench.notifier.resubscribe(first.id, &refresh, flow(1), bench.now)), 403);
    assert_eq!(bench.notifier.len(), 1, "its time is not over");
    refresh.headers.set(HeaderName::Expires, "0");
    refresh.headers.set(HeaderName::CSeq, "99 SUBSCRIBE");
    assert_eq!(status(bench.notifier.resubscribe(first.id, &refresh, flow(1), bench.now)), 200);
    assert!(bench.notifier.is_clean());
}

#[test]
fn a_subscription_that_is_not_refreshed_ends_with_a_word() {
    let mut bench = Bench::new();
    let (first, _) = bench.watch("ann", "bob", "presence");
    bench.heard(first.id, true);
    bench.pass(Duration::from_secs(599));
    assert!(bench.told.is_empty());
    bench.pass(Duration::from_secs(1));
    assert_eq!(state(&bench.next()), "terminated;reason=timeout");
    assert!(bench.notifier.is_clean());
}

#[test]
fn who_asks_once_is_told_once() {
    let mut bench = Bench::new();
    let answer = bench.subscribe("ann", "bob", "Event: presence\r\nExpires: 0\r\n");
    assert_eq!(status(answer), 200);
    let only = bench.next();
    assert_eq!(state(&only), "terminated;reason=timeout");
    assert!(body(&only).contains("<basic>closed</basic>"));
    assert!(bench.notifier.is_clean());
}

#[test]
fn presence_tells_who_can_be_reached_and_who_talks() {
    let mut bench = Bench::new();
    let (first, _) = bench.watch("ann", "bob", "presence");
    assert!(body(&first).contains("<basic>closed</basic>"));
    bench.heard(first.id, true);
    bench.pass(Duration::from_secs(5));
    bench.notifier.set_registered("bob", true, bench.now);
    bench.collect();
    let open = bench.next();
    assert!(body(&open).contains("<basic>open</basic>") && !body(&open).contains("on-the-phone"));
    bench.heard(first.id, true);
    bench.notifier.set_registered("bob", true, bench.now);
    bench.pass(Duration::from_secs(5));
    bench.call("bob", LegId::next(), Some(Stage::Early));
    assert!(bench.told.is_empty(), "nothing of it has changed");
    bench.call("bob", LegId::next(), Some(Stage::Confirmed));
    assert!(body(&bench.next()).contains("<rpid:on-the-phone/>"));
}

#[test]
fn a_mailbox_is_told_to_its_owner_alone() {
    let mut bench = Bench::new();
    assert_eq!(status(bench.subscribe("ann", "bob", "Event: message-summary\r\n")), 403);
    let (first, _) = bench.watch("bob", "bob", "message-summary");
    assert_eq!(body(&first), "Messages-Waiting: no\r\n");
    bench.heard(first.id, true);
    bench.pass(Duration::from_secs(1));
    let mailbox = Mailbox::parse(b"Messages-Waiting: yes\r\nVoice-Message: 1/0\r\n").expect("sound");
    bench.notifier.set_mailbox("bob", mailbox, bench.now);
    bench.collect();
    assert_eq!(body(&bench.next()), "Messages-Waiting: yes\r\nVoice-Message: 1/0\r\n");
}

#[test]
fn what_may_not_be_watched_is_refused_and_nothing_is_kept_of_it() {
    let mut bench = Bench::new();
    for (watcher, target, lines, expected) in [
        ("ann", "bob", "", 489),
        ("ann", "bob", "Event: refer\r\n", 489),
        ("ann", "bob", "Event: dialog\r\nEvent: dialog\r\n", 489),
        ("ann", "bob", "Event: dialog\r\nAccept: text/plain\r\n", 406),
        ("ann", "bob", "Event: dialog\r\nExpires: 59\r\n", 423),
        ("ann", "dave", "Event: dialog\r\n", 403),
        ("dave", "ann", "Event: presence\r\n", 403),
        ("ann", "nobody", "Event: dialog\r\n", 403),
    ] {
        assert_eq!(status(bench.subscribe(watcher, target, lines)), expected, "{watcher} {target} {lines}");
    }
    let reject = bench.subscribe("ann", "bob", "Event: x\r\n").expect_err("it is unknown");
    let allowed = Some("dialog, presence, message-summary");
    assert_eq!(reject.headers.get(&HeaderName::AllowEvents), allowed);
    let brief = bench.subscribe("ann", "bob", "Event: dialog\r\nExpires: 1\r\n").expect_err("it is brief");
    assert_eq!(brief.headers.get(&HeaderName::MinExpires), Some("60"));
    let mut without = bench.request("ann", "bob", "Event: dialog\r\n");
    without.headers.remove(&HeaderName::Contact);
    assert_eq!(status(bench.take("ann", &without)), 400);
    assert!(bench.notifier.is_clean() && bench.told.is_empty());
    let lines =
        "Event: dialog\r\nExpires: 99999999\r\nAccept: Application/Dialog-Info+XML;q=1, text/plain\r\n";
    let answer = bench.subscribe("ann", "bob", lines).expect("it is allowed");
    assert_eq!(answer.headers.expires(), Ok(Some(3600)));
}

#[test]
fn without_a_trunk_that_tells_of_mailboxes_there_is_no_such_package() {
    let mut bench = Bench::new();
    let config = SubscriptionConfig { mailbox_trunks: BTreeSet::new(), ..bench.notifier.config().clone() };
    bench.notifier = Notifier::new(config);
    let reject = bench.subscribe("bob", "bob", "Event: message-summary\r\n").expect_err("there is none");
    assert_eq!(reject.status, StatusCode::BAD_EVENT);
    assert_eq!(reject.headers.get(&HeaderName::AllowEvents), Some("dialog, presence"));
}

#[test]
fn there_are_as_many_subscriptions_as_there_may_be() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        assert_eq!(status(bench.subscribe("ann", "bob", "Event: dialog\r\n")), 200);
    }
    assert_eq!(status(bench.subscribe("ann", "bob", "Event: dialog\r\n")), 503, "ann has three");
    assert_eq!(status(bench.subscribe("bob", "ann", "Event: dialog\r\n")), 200);
    let reject = bench.subscribe("carol", "ann", "Event: dialog\r\n").expect_err("there are four");
    assert!(reject.status == StatusCode::SERVICE_UNAVAILABLE && reject.headers.has(&HeaderName::RetryAfter));
    let gone = bench.told.remove(0).id;
    bench.heard(gone, false);
    assert_eq!(status(bench.subscribe("carol", "ann", "Event: dialog\r\n")), 200);
}

#[test]
fn a_watcher_that_does_not_answer_is_told_no_more() {
    let mut bench = Bench::new();
    let (first, _) = bench.watch("ann", "bob", "dialog");
    bench.heard(first.id, false);
    assert!(bench.notifier.is_clean());
    bench.call("bob", LegId::next(), Some(Stage::Early));
    assert!(bench.told.is_empty());
}

#[test]
fn a_watcher_moves_with_its_flow_and_dies_with_it() {
    let mut bench = Bench::new();
    let (first, _) = bench.watch("ann", "bob", "dialog");
    bench.heard(first.id, true);
    bench.notifier.moved("dave", &[flow(1)], flow(3));
    bench.notifier.moved("ann", &[flow(1)], flow(2));
    bench.notifier.flow_closed(ConnectionId(1));
    bench.pass(Duration::from_secs(1));
    bench.call("bob", LegId::next(), Some(Stage::Early));
    assert_eq!(bench.next().way.0, flow(2));
    bench.notifier.flow_closed(ConnectionId(2));
    assert!(bench.notifier.is_clean());
}

#[test]
fn everybody_is_told_that_we_go_down() {
    let mut bench = Bench::new();
    bench.watch("ann", "bob", "dialog");
    bench.watch("bob", "ann", "presence");
    bench.notifier.drain();
    bench.collect();
    let states: Vec<_> = bench.told.iter().map(state).collect();
    assert_eq!(states, ["terminated;reason=deactivated"; 2]);
    assert!(bench.notifier.is_clean());
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
