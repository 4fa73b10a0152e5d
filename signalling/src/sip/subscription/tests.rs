//! Watchers stepped by hand, in virtual time.

mod documents;
mod lifetime;
mod packages;
mod refusals;

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use webtrunk_engine::LegId;

use super::*;
use crate::sip::agent::{LocalNames, Reach};
use crate::sip::flow::{ConnectionId, Flow, ListenerId, TransportKind};
use crate::sip::message::{HeaderName, Host, Message, Reject, Request, Response, SipUri};

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
