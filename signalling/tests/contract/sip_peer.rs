//! A peer of the SIP adapter's: a trunk over TCP, which writes SIP by hand (RFC 3261).

mod messages;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use webtrunk_contract::{FarEnd, Heard, PATIENCE};
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_signalling::adapter::{Adapter, Target};
use webtrunk_signalling::lock::lock;
use webtrunk_signalling::sip::adapter::SipAdapter;
use webtrunk_signalling::sip::config::SipConfig;
use webtrunk_signalling::sip::flow::{ListenerId, TransportKind};
use webtrunk_signalling::sip::transport::{GuardConfig, ListenerConfig, TransportLayer};
use webtrunk_signalling::sip::trunk::TrunkConfig;

use crate::{REALM, Users};
use messages::{Dialog, header, length, response};

/// The peer, and its calls by their places in a list.
pub(crate) struct SipPeer {
    layer: TransportLayer,
    listener: Option<TcpListener>,
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
    /// Where its own requests go.
    to_gateway: Option<UnboundedSender<String>>,
    called: UnboundedReceiver<String>,
    to_called: UnboundedSender<String>,
    calls: Vec<(String, UnboundedReceiver<Heard>)>,
    known: Known,
}

/// Its calls by Call-ID.
type Known = Arc<Mutex<HashMap<String, Call>>>;

struct Call {
    heard: UnboundedSender<Heard>,
    /// Taken by whoever enters it into the list.
    hearing: Option<UnboundedReceiver<Heard>>,
    dialog: Dialog,
    stage: Stage,
    /// Where this call's messages go.
    way: UnboundedSender<String>,
}

enum Stage {
    /// Our INVITE is out.
    Calling {
        invite: String,
    },
    /// Theirs waits for its answer.
    Called {
        invite: String,
    },
    Up,
    /// Our re-INVITE is out.
    Reoffering,
    Over,
}

impl FarEnd for SipPeer {
    type Call = usize;

    async fn new() -> (Self, Box<dyn Adapter>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let mut config = SipConfig::new(REALM, Arc::new(Users));
        config.transport.listeners =
            vec![ListenerConfig::new(TransportKind::Tcp, ([127, 0, 0, 1], 0).into())];
        config.transport.guard = GuardConfig::open();
        config.trunks = vec![TrunkConfig {
            port: Some(address.port()),
            transport: TransportKind::Tcp,
            source_networks: vec!["127.0.0.0/8".parse().expect("a range")],
            ..TrunkConfig::new("provider", "127.0.0.1")
        }];
        let adapter = SipAdapter::new(config);
        let (to_called, called) = mpsc::unbounded_channel();
        let peer = Self {
            layer: adapter.transport(),
            listener: Some(listener),
            address,
            tasks: Vec::new(),
            to_gateway: None,
            called,
            to_called,
            calls: Vec::new(),
            known: Known::default(),
        };
        (peer, Box::new(adapter))
    }

    async fn connect(&mut self) {
        let gateway = self.layer.addresses().listener(ListenerId(0)).expect("it was asked for").bound;
        let stream = TcpStream::connect(gateway).await.expect("it listens");
        let (known, called) = (Arc::clone(&self.known), self.to_called.clone());
        self.to_gateway = Some(serve(stream, known.clone(), called.clone(), &mut self.tasks));
        let listener = self.listener.take().expect("it comes once");
        self.tasks.push(tokio::spawn(async move {
            let mut tasks = Tasks(Vec::new());
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, known.clone(), called.clone(), &mut tasks.0);
            }
        }));
    }

    fn target(&self) -> Target {
        Target::Trunk { trunk: "provider".into(), number: "100".into() }
    }

    async fn call(&mut self, number: &str, offer: &SessionDescription) -> usize {
        let way = self.to_gateway.clone().expect("it has come");
        let mut dialog = Dialog::to(number, self.address);
        let invite = dialog.request("INVITE", &offer.to_string());
        let id = dialog.call_id.clone();
        self.enter_new(&id, dialog, Stage::Calling { invite: invite.clone() }, &way);
        let _ = way.send(invite);
        self.take(id)
    }

    async fn called(&mut self) -> usize {
        let id = timeout(PATIENCE, self.called.recv()).await.expect("in time").expect("we have one end");
        self.take(id)
    }

    async fn ring(&mut self, call: usize) {
        self.respond(call, "180 Ringing", "", |_| {});
    }

    async fn answer(&mut self, call: usize, description: &SessionDescription) {
        self.respond(call, "200 OK", &description.to_string(), |call| call.stage = Stage::Up);
    }

    async fn reject(&mut self, call: usize) {
        self.respond(call, "486 Busy Here", "", |call| call.stage = Stage::Over);
    }

    async fn hang_up(&mut self, call: usize) {
        let mut known = lock(&self.known);
        let call = known.get_mut(&self.calls[call].0).expect("it has such a call");
        let request = match &call.stage {
            Stage::Calling { invite } => messages::cancel(invite),
            Stage::Called { .. } | Stage::Over => return,
            Stage::Up | Stage::Reoffering => call.dialog.request("BYE", ""),
        };
        let _ = call.way.send(request);
    }

    async fn reoffer(&mut self, call: usize, offer: &SessionDescription) {
        let mut known = lock(&self.known);
        let call = known.get_mut(&self.calls[call].0).expect("it has such a call");
        call.stage = Stage::Reoffering;
        let _ = call.way.send(call.dialog.request("INVITE", &offer.to_string()));
    }

    async fn hear(&mut self, call: usize) -> Heard {
        let heard = timeout(PATIENCE, self.calls[call].1.recv()).await.expect("nothing is heard");
        heard.expect("the peer has one end")
    }

    async fn vanish(&mut self) {
        self.to_gateway = None;
        self.tasks.drain(..).for_each(|task| task.abort());
    }
}

impl SipPeer {
    fn enter_new(&self, id: &str, dialog: Dialog, stage: Stage, way: &UnboundedSender<String>) {
        lock(&self.known).insert(id.to_owned(), Call::new(dialog, stage, way.clone()));
    }

    fn take(&mut self, id: String) -> usize {
        let hearing = lock(&self.known).get_mut(&id).and_then(|call| call.hearing.take());
        self.calls.push((id, hearing.expect("it is taken once")));
        self.calls.len() - 1
    }

    /// Answers the INVITE of a call that waits for it.
    fn respond(&self, call: usize, status: &str, body: &str, then: impl FnOnce(&mut Call)) {
        let mut known = lock(&self.known);
        let call = known.get_mut(&self.calls[call].0).expect("it has such a call");
        if let Stage::Called { invite } = &call.stage {
            let _ = call.way.send(response(invite, status, &call.dialog, body));
            then(call);
        }
    }
}

impl Call {
    fn new(dialog: Dialog, stage: Stage, way: UnboundedSender<String>) -> Self {
        let (heard, hearing) = mpsc::unbounded_channel();
        Self { heard, hearing: Some(hearing), dialog, stage, way }
    }
}

/// Streams that were accepted, which end with who accepted them.
struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|task| task.abort());
    }
}

/// Serves a stream; where what is to be sent on it goes.
fn serve(
    stream: TcpStream,
    known: Known,
    called: UnboundedSender<String>,
    tasks: &mut Vec<JoinHandle<()>>,
) -> UnboundedSender<String> {
    let (reading, mut writing) = stream.into_split();
    let (way, mut outgoing) = mpsc::unbounded_channel::<String>();
    tasks.push(tokio::spawn(async move {
        while let Some(message) = outgoing.recv().await {
            let _ = writing.write_all(message.as_bytes()).await;
        }
    }));
    tasks.push(tokio::spawn(read(reading, way.clone(), known, called)));
    way
}

async fn read(
    mut reading: OwnedReadHalf,
    way: UnboundedSender<String>,
    known: Known,
    called: UnboundedSender<String>,
) {
    let mut buffer = Vec::new();
    loop {
        while let Some(length) = length(&buffer) {
            let message = String::from_utf8(buffer.drain(..length).collect()).expect("the gateway's UTF-8");
            handle(&message, &way, &known, &called);
        }
        if reading.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

fn handle(message: &str, way: &UnboundedSender<String>, known: &Known, called: &UnboundedSender<String>) {
    // Two line ends keep a stream alive (RFC 5626 3.5.1).
    if message.trim().is_empty() {
        return;
    }
    let id = header(message, "Call-ID").to_owned();
    let mut known = lock(known);
    if let Some(status) = message.strip_prefix("SIP/2.0 ") {
        let status: u16 = status[..3].parse().expect("a status");
        if let Some(call) = known.get_mut(&id) {
            call.hear_response(status, message);
        }
        return;
    }
    let method = message.split(' ').next().expect("a request");
    match (method, known.get_mut(&id)) {
        ("ACK", _) => {}
        ("INVITE", None) => {
            let dialog = Dialog::from(message);
            known.insert(
                id.clone(),
                Call::new(dialog, Stage::Called { invite: message.to_owned() }, way.clone()),
            );
            let _ = called.send(id);
        }
        (method, Some(call)) => call.hear_request(method, message, way),
        (_, None) => _ = way.send(response(message, "200 OK", &Dialog::from(message), "")),
    }
}

impl Call {
    fn hear_response(&mut self, status: u16, message: &str) {
        let method = header(message, "CSeq").rsplit(' ').next().expect("a method").to_owned();
        match (method.as_str(), status, &self.stage) {
            ("INVITE", 180, _) => _ = self.heard.send(Heard::Ringing),
            ("INVITE", 100..200, _) => {}
            ("INVITE", 200..300, stage) => {
                let is_first = matches!(stage, Stage::Calling { .. });
                self.dialog.learn(message);
                let _ = self.way.send(self.dialog.ack(message));
                self.stage = Stage::Up;
                let (_, description) = message.split_once("\r\n\r\n").expect("an empty line");
                let _ = self.heard.send(if is_first {
                    Heard::Answered { description: description.to_owned() }
                } else {
                    Heard::ReofferSettled { is_met: true }
                });
            }
            ("INVITE", _, stage) => {
                let is_over = matches!(stage, Stage::Calling { .. });
                let _ = self.way.send(messages::ack_of_refusal(message));
                self.stage = if is_over { Stage::Over } else { Stage::Up };
                let settled = Heard::ReofferSettled { is_met: false };
                let _ = self.heard.send(if is_over { Heard::Ended } else { settled });
            }
            ("BYE", _, _) => {
                self.stage = Stage::Over;
                let _ = self.heard.send(Heard::Ended);
            }
            _ => {}
        }
    }

    fn hear_request(&mut self, method: &str, message: &str, way: &UnboundedSender<String>) {
        let answer = |status: &str, body: &str| response(message, status, &self.dialog, body);
        let (answers, heard) = match (method, &self.stage) {
            ("INVITE", Stage::Reoffering) => {
                (vec![answer("491 Request Pending", "")], Some(Heard::Reoffered))
            }
            ("INVITE", _) => {
                let (_, offer) = message.split_once("\r\n\r\n").expect("an empty line");
                (vec![answer("200 OK", offer)], Some(Heard::Reoffered))
            }
            ("CANCEL", Stage::Called { invite }) => {
                let terminated = response(invite, "487 Request Terminated", &self.dialog, "");
                (vec![answer("200 OK", ""), terminated], Some(Heard::Ended))
            }
            ("BYE", Stage::Over) => (vec![answer("200 OK", "")], None),
            ("BYE", _) => (vec![answer("200 OK", "")], Some(Heard::Ended)),
            _ => (vec![answer("200 OK", "")], None),
        };
        answers.into_iter().for_each(|answer| _ = way.send(answer));
        if heard == Some(Heard::Ended) {
            self.stage = Stage::Over;
        }
        heard.into_iter().for_each(|heard| _ = self.heard.send(heard));
    }
}
