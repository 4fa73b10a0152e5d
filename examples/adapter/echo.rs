//! A complete adapter, as an example to start from: calls over lines of text on TCP.
//!
//! ```text
//!  phone: login alice secret             -->    <-- adapter: welcome
//!  phone: call 1 9196 v=0<TAB>o=..       -->    <-- adapter: ringing 1, answer 1 v=0<TAB>o=..
//!  adapter: call g7 100 v=0<TAB>o=..     -->    <-- phone: ringing g7, answer g7 v=0<TAB>o=.., refuse g7
//!  either side, in a call: reoffer 1 v=0<TAB>o=..  -->  <-- the other: accept 1 v=0<TAB>o=.. or refuse 1
//!  either side: digit 1 5 | end 1
//! ```
//!
//! Who begins a call names it; a description goes on one line, its own lines parted by tabs. All state lives in one value,
//! [`Echo`], which takes turns; each connection has a task that only reads and writes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, Receiver, Sender};
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_engine::{EndCause, LegId};
use webtrunk_signalling::adapter::{
    Adapter, Command, Delivery, Event, HOPS_MAX, Incoming, MediaProfile, Origin, Outlet, Party, Passage,
    RecordingPolicy, StartError, Target, Work, leg_span, work,
};
use webtrunk_signalling::auth::digest::{Algorithm, Credentials, Ha1};
use webtrunk_signalling::locations::{ContactInfo, Locations};

/// Nobody fills our memory by a line without an end.
const LINE_MAX: u64 = 16 * 1024;

/// The adapter before it is started: its configuration, and what outlives its task.
pub(crate) struct EchoAdapter {
    /// Where it listens. Passwords cross in the clear, so it should be loopback.
    pub(crate) bind: SocketAddr,
    /// Who may come, and the realm of their hashes.
    pub(crate) users: Arc<dyn Credentials + Send + Sync>,
    pub(crate) realm: String,
    /// Where users are reached by it, for routing to read.
    pub(crate) locations: Locations,
}

impl Adapter for EchoAdapter {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn start(&mut self, events: Sender<Event>) -> Result<Sender<Command>, StartError> {
        let error = |source| StartError::Listen { adapter: "echo", address: self.bind.to_string(), source };
        let listener = std::net::TcpListener::bind(self.bind).map_err(error)?;
        listener.set_nonblocking(true).map_err(error)?;
        let listener = TcpListener::from_std(listener).map_err(error)?;
        // Bounded, so that whoever says more than we do has to wait.
        let ((commands, inbox), (to_task, said)) = (mpsc::channel(64), mpsc::channel(64));
        let door = Door { users: Arc::clone(&self.users), realm: self.realm.clone() };
        tokio::spawn(work(
            "echo",
            Echo {
                listener: Some(listener),
                commands: inbox,
                said,
                to_task,
                door,
                locations: self.locations.clone(),
                outlet: Outlet::new(events),
                phones: HashMap::new(),
                calls: HashMap::new(),
                last_phone: 0,
                takes_calls: true,
            },
        ));
        Ok(commands)
    }
}

/// Who is let in.
struct Door {
    users: Arc<dyn Credentials + Send + Sync>,
    realm: String,
}

/// The adapter at work.
struct Echo {
    /// `None` when it ends.
    listener: Option<TcpListener>,
    commands: Receiver<Command>,
    said: Receiver<Said>,
    to_task: Sender<Said>,
    door: Door,
    locations: Locations,
    outlet: Outlet,
    phones: HashMap<u64, Phone>,
    calls: HashMap<LegId, Call>,
    last_phone: u64,
    takes_calls: bool,
}

struct Phone {
    user: Option<String>,
    address: SocketAddr,
    lines: Sender<String>,
}

struct Call {
    phone: u64,
    name: String,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The phone calls, or is called.
    Asked,
    Dialled,
    Up,
    /// Somebody has made a new offer.
    PhoneOffers,
    GatewayOffers,
}

/// What a phone said; `None` is its silence for ever.
type Said = (u64, Option<String>);

enum Turn {
    Connected(TcpStream, SocketAddr),
    Said(Said),
    Command(Command),
    HandedOver,
}

impl Work for Echo {
    type Turn = Turn;

    async fn next(&mut self) -> Turn {
        loop {
            tokio::select! {
                accepted = accept(self.listener.as_ref()) => {
                    if let Ok((stream, address)) = accepted {
                        return Turn::Connected(stream, address);
                    }
                }
                Some(said) = self.said.recv() => return Turn::Said(said),
                command = self.commands.recv(), if self.listener.is_some() => {
                    return Turn::Command(command.unwrap_or(Command::Drain));
                }
                () = self.outlet.hand_over() => return Turn::HandedOver,
            }
        }
    }

    fn handle(&mut self, turn: Turn) {
        match turn {
            Turn::Connected(stream, address) => self.welcome(stream, address),
            Turn::Said((phone, Some(line))) => self.hear(phone, &line),
            Turn::Said((phone, None)) => self.forget(phone),
            Turn::Command(command) => self.obey(command),
            Turn::HandedOver => {}
        }
        self.outlet.flush();
    }

    /// All that it knows is in calls: the smallest answer to a fault is to end them all.
    fn give_up_broken(&mut self) {
        self.end_all(EndCause::InternalError);
        self.outlet.flush();
    }

    fn is_over(&self) -> bool {
        self.listener.is_none() && self.calls.is_empty() && self.outlet.is_empty()
    }
}

impl Echo {
    fn welcome(&mut self, stream: TcpStream, address: SocketAddr) {
        self.last_phone += 1;
        let (lines, to_phone) = mpsc::channel(64);
        self.phones.insert(self.last_phone, Phone { user: None, address, lines });
        tokio::spawn(talk(stream, self.last_phone, to_phone, self.to_task.clone()));
    }

    /// A line of a phone becomes an event.
    fn hear(&mut self, phone: u64, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let user = self.phones.get(&phone).and_then(|phone| phone.user.clone());
        let Some(user) = user else { return self.let_in(phone, verb, name, rest) };
        if verb == "call" {
            let (number, offer) = rest.split_once(' ').unwrap_or((rest, ""));
            return self.call(phone, user, name, number, description(offer));
        }
        let own = self.calls.iter_mut().find(|(_, call)| (call.phone, call.name.as_str()) == (phone, name));
        // It may be over on our side since.
        let Some((leg, call)) = own else { return };
        let (leg, signalled_from) = (*leg, self.phones[&phone].address.ip());
        let told = description(rest);
        let event = match (verb, call.stage) {
            ("ringing", Stage::Dialled) => {
                Event::Progress { leg, is_ringing: true, description: None, signalled_from }
            }
            ("answer", Stage::Dialled) => {
                call.stage = Stage::Up;
                Event::Answered { leg, description: told, signalled_from }
            }
            ("refuse", Stage::Dialled) => return self.end(leg, EndCause::Busy),
            ("reoffer", Stage::Up) => {
                call.stage = Stage::PhoneOffers;
                Event::Reoffered { leg, offer: told, signalled_from }
            }
            // Both offered at once: neither is met, and the gateway says who tries again.
            ("reoffer", Stage::GatewayOffers) => return self.tell(leg, "refuse", ""),
            ("accept", Stage::GatewayOffers) => {
                call.stage = Stage::Up;
                match told {
                    Some(description) => Event::ReofferAnswered { leg, description },
                    None => Event::ReofferRefused { leg, cause: EndCause::NotAcceptable },
                }
            }
            ("refuse", Stage::GatewayOffers) => {
                call.stage = Stage::Up;
                Event::ReofferRefused { leg, cause: EndCause::Glare }
            }
            ("digit", Stage::Up | Stage::PhoneOffers | Stage::GatewayOffers) => {
                let Some(digit) = rest.chars().next() else { return };
                Event::DigitPressed { leg, digit, duration: Duration::from_millis(100) }
            }
            ("end", Stage::Asked) => return self.end(leg, EndCause::Cancelled),
            ("end", _) => return self.end(leg, EndCause::Hangup),
            _ => return,
        };
        self.report(event);
    }

    /// Nobody calls who has not proven who it is.
    fn let_in(&mut self, id: u64, verb: &str, user: &str, password: &str) {
        let Some(phone) = self.phones.get_mut(&id) else { return };
        let known = self.door.users.ha1(user, &self.door.realm, Algorithm::Sha256);
        if verb != "login" || known != Some(Ha1::new(Algorithm::Sha256, user, &self.door.realm, password)) {
            return self.forget(id);
        }
        phone.user = Some(user.to_owned());
        let _ = phone.lines.try_send("welcome".to_owned());
        self.locate(user);
    }

    fn call(
        &mut self,
        phone: u64,
        user: String,
        name: &str,
        number: &str,
        offer: Option<Box<SessionDescription>>,
    ) {
        let leg = LegId::next();
        self.calls.insert(leg, Call { phone, name: name.to_owned(), stage: Stage::Asked });
        if !self.takes_calls {
            self.tell(leg, "end", "");
            self.calls.remove(&leg);
            return;
        }
        self.report(Event::Incoming(Box::new(Incoming {
            leg,
            caller: Party { user: user.clone(), display_name: String::new() },
            origin: Origin::User(user),
            destination: number.to_owned(),
            device: None,
            profile: MediaProfile::Rtp,
            offer,
            signalled_from: self.phones[&phone].address.ip(),
            listener: "echo".into(),
            headers: Vec::new(),
            recording: RecordingPolicy::ByRule,
            hops: HOPS_MAX,
            passed: Passage::default(),
            replaces: None,
            span: leg_span(leg),
        })));
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Dial(dial) => self.dial(dial.leg, &dial.target, &dial.caller, dial.offer.as_deref()),
            Command::Ring { leg, .. } => self.tell(leg, "ringing", ""),
            Command::Answer { leg, description } => {
                if self.advance(leg, Stage::Asked, Stage::Up) {
                    self.tell(leg, "answer", &one_line(&description));
                }
            }
            Command::Reoffer { leg, offer } => {
                if self.advance(leg, Stage::Up, Stage::GatewayOffers) {
                    self.tell(leg, "reoffer", &one_line(&offer));
                } else if self.calls.contains_key(&leg) {
                    self.report(Event::ReofferRefused { leg, cause: EndCause::Glare });
                }
            }
            Command::AnswerReoffer { leg, description } => {
                if self.advance(leg, Stage::PhoneOffers, Stage::Up) {
                    self.tell(leg, "accept", &one_line(&description));
                }
            }
            Command::RefuseReoffer { leg, .. } => {
                if self.advance(leg, Stage::PhoneOffers, Stage::Up) {
                    self.tell(leg, "refuse", "");
                }
            }
            Command::SendDigit { leg, digit, .. } => self.tell(leg, "digit", &digit.to_string()),
            Command::Redirect { leg, .. } => self.end(leg, EndCause::Unavailable),
            Command::Hangup { leg, cause } => self.end(leg, cause),
            Command::SendText(text) => {
                let delivery = Delivery::Failed(EndCause::Unavailable);
                self.report(Event::TextSent { leg: text.leg, delivery });
            }
            Command::PassContent { leg, id, .. } if self.calls.contains_key(&leg) => {
                self.report(Event::ContentAnswered { leg, id, delivery: Delivery::TypeNotTaken });
            }
            Command::RefuseCalls => self.takes_calls = false,
            Command::Drain => {
                self.listener = None;
                self.end_all(EndCause::ShuttingDown);
            }
            // The protocol has no words for these: nothing of theirs was asked.
            Command::PassContent { .. }
            | Command::AnswerCandidates { .. }
            | Command::AnswerRecord { .. }
            | Command::TransferProgress { .. }
            | Command::Tell { .. }
            | Command::AnswerContent { .. }
            | Command::AnswerText { .. } => {}
        }
    }

    fn dial(&mut self, leg: LegId, target: &Target, caller: &Party, offer: Option<&SessionDescription>) {
        let reached = match target {
            Target::Contact { user, binding } => self
                .phones
                .get(binding)
                .is_some_and(|phone| phone.user.as_ref() == Some(user))
                .then_some(*binding),
            _ => None,
        };
        let Some(phone) = reached else {
            return self.report(Event::Ended { leg, cause: EndCause::Unavailable });
        };
        self.calls.insert(leg, Call { phone, name: format!("g{leg}"), stage: Stage::Dialled });
        let offer = offer.map(one_line).unwrap_or_default();
        self.tell(leg, "call", &format!("{} {offer}", caller.user));
    }

    /// Whether the call was in that stage, and is in the next now.
    fn advance(&mut self, leg: LegId, from: Stage, to: Stage) -> bool {
        let call = self.calls.get_mut(&leg).filter(|call| call.stage == from);
        call.map(|call| call.stage = to).is_some()
    }

    fn tell(&self, leg: LegId, verb: &str, rest: &str) {
        let Some(call) = self.calls.get(&leg) else { return };
        if let Some(phone) = self.phones.get(&call.phone) {
            // A phone that does not read misses lines, and notices by what it hears next.
            let _ = phone.lines.try_send(format!("{verb} {} {rest}", call.name).trim_end().to_owned());
        }
    }

    /// Exactly one `Ended` for each leg, whoever ends it.
    fn end(&mut self, leg: LegId, cause: EndCause) {
        self.tell(leg, "end", "");
        if self.calls.remove(&leg).is_some() {
            self.report(Event::Ended { leg, cause });
        }
    }

    fn end_all(&mut self, cause: EndCause) {
        for leg in self.calls.keys().copied().collect::<Vec<_>>() {
            self.end(leg, cause);
        }
    }

    /// A phone is gone, and its calls with it.
    fn forget(&mut self, id: u64) {
        let of_phone = self.calls.iter().filter(|(_, call)| call.phone == id);
        for leg in of_phone.map(|(leg, _)| *leg).collect::<Vec<_>>() {
            self.end(leg, EndCause::SignallingLost);
        }
        if let Some(user) = self.phones.remove(&id).and_then(|phone| phone.user) {
            self.locate(&user);
        }
    }

    /// Tells routing where a user is reached.
    fn locate(&self, user: &str) {
        let own = self.phones.iter().filter(|(_, phone)| phone.user.as_deref() == Some(user));
        let contact = |(binding, phone): (&u64, &Phone)| ContactInfo {
            binding: *binding,
            adapter: "echo",
            profile: MediaProfile::Rtp,
            address: phone.address.ip(),
        };
        self.locations.set(user, own.map(contact).collect());
    }

    fn report(&mut self, event: Event) {
        if let Some(refusal) = self.outlet.report(event) {
            self.obey(refusal);
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> std::io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// A connection: lines in, lines out, until either side has enough.
async fn talk(stream: TcpStream, phone: u64, lines: Receiver<String>, to_task: Sender<Said>) {
    let (reading, writing) = stream.into_split();
    tokio::select! {
        () = listen(reading, phone, &to_task) => {}
        () = say(writing, lines) => {}
    }
    // The task may have ended.
    let _ = to_task.send((phone, None)).await;
}

async fn listen(reading: OwnedReadHalf, phone: u64, to_task: &Sender<Said>) {
    let mut reading = BufReader::new(reading).take(LINE_MAX);
    let mut line = String::new();
    while reading.read_line(&mut line).await.is_ok() && line.ends_with('\n') {
        let said = line.trim_end().to_owned();
        if to_task.send((phone, Some(said))).await.is_err() {
            return;
        }
        line.clear();
        reading.set_limit(LINE_MAX);
    }
}

async fn say(mut writing: OwnedWriteHalf, mut lines: Receiver<String>) {
    while let Some(line) = lines.recv().await {
        if writing.write_all(format!("{line}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

fn one_line(description: &SessionDescription) -> String {
    description.to_string().replace("\r\n", "\t")
}

fn description(line: &str) -> Option<Box<SessionDescription>> {
    SessionDescription::parse(line.replace('\t', "\r\n")).ok().map(Box::new)
}
