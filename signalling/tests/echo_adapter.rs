//! The smallest complete adapter, as an example to start from: calls over lines of text on TCP.
//!
//! ```text
//! party: call 9196      a new call                    adapter: ringing | answered | ended <cause>
//! party: digit 5        a key                         adapter: digit 5
//! party: hangup         the end
//! ```
//!
//! Lines carry no descriptions, so its calls come without an offer; and nobody can be called by
//! them, so every `Dial` ends at once. All state lives in one task, [`Echo::run`], which owns everything.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, Receiver, Sender};
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_engine::{EndCause, LegId};
use webtrunk_signalling::adapter::{
    Adapter, Command, Delivery, Event, HOPS_MAX, Incoming, MediaProfile, Origin, Party, StartError, leg_span,
};

/// The adapter before it is started: its configuration.
struct EchoAdapter {
    bind: SocketAddr,
}

impl Adapter for EchoAdapter {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn start(self, events: Sender<Event>) -> Result<Sender<Command>, StartError> {
        let error = |source| StartError::Listen { adapter: "echo", address: self.bind.to_string(), source };
        let listener = std::net::TcpListener::bind(self.bind).map_err(error)?;
        listener.set_nonblocking(true).map_err(error)?;
        let listener = TcpListener::from_std(listener).map_err(error)?;
        // Bounded, so that whoever commands faster than we obey has to wait.
        let (commands, inbox) = mpsc::channel(64);
        tokio::spawn(Echo { events, parties: HashMap::new() }.run(listener, inbox));
        Ok(commands)
    }
}

/// The adapter at work.
struct Echo {
    events: Sender<Event>,
    parties: HashMap<LegId, OwnedWriteHalf>,
}

impl Echo {
    async fn run(mut self, listener: TcpListener, mut commands: Receiver<Command>) {
        let (lines, mut said) = mpsc::channel(64);
        loop {
            tokio::select! {
                Ok((stream, remote)) = listener.accept() => self.welcome(stream, remote, &lines),
                Some((leg, remote, line)) = said.recv() => self.hear(leg, remote, line.as_deref()).await,
                command = commands.recv() => match command {
                    Some(Command::Drain) | None => break,
                    Some(command) => self.obey(command).await,
                },
            }
        }
        for leg in self.parties.keys().copied().collect::<Vec<_>>() {
            self.end(leg, EndCause::ShuttingDown).await;
        }
    }

    /// A party connected: it gets a leg, and a task that passes its lines on.
    fn welcome(&mut self, stream: TcpStream, remote: SocketAddr, lines: &Sender<Said>) {
        let leg = LegId::next();
        let (reading, writing) = stream.into_split();
        self.parties.insert(leg, writing);
        tokio::spawn(listen(reading, leg, remote.ip(), lines.clone()));
    }

    /// What a party said becomes an event; `None` is its silence for ever.
    async fn hear(&mut self, leg: LegId, remote: IpAddr, line: Option<&str>) {
        let event = match line.map(|line| line.split_once(' ').unwrap_or((line, ""))) {
            Some(("call", destination)) => Event::Incoming(Box::new(Incoming {
                leg,
                // A real adapter asks for a proof first.
                origin: Origin::User("tester".to_owned()),
                caller: Party { user: "tester".to_owned(), display_name: String::new() },
                destination: destination.to_owned(),
                device: None,
                profile: MediaProfile::Rtp,
                offer: None,
                signalled_from: remote,
                listener: "test".into(),
                headers: Vec::new(),
                hops: HOPS_MAX,
                passed: webtrunk_signalling::adapter::Passage::default(),
                replaces: None,
                span: leg_span(leg),
            })),
            Some(("digit", digit)) => {
                let Some(digit) = digit.chars().next() else { return };
                Event::DigitPressed { leg, digit, duration: Duration::from_millis(100) }
            }
            Some(("hangup", _)) | None => return self.end(leg, EndCause::Hangup).await,
            Some(_) => return self.tell(leg, "what?").await,
        };
        // Nobody listens any more when the gateway is gone; then the commands end as well.
        let _ = self.events.send(event).await;
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Ring { leg, .. } => self.tell(leg, "ringing").await,
            Command::Answer { leg, .. } => self.tell(leg, "answered").await,
            Command::SendDigit { leg, digit, .. } => self.tell(leg, &format!("digit {digit}")).await,
            Command::Redirect { leg, .. } => self.end(leg, EndCause::Unavailable).await,
            Command::Hangup { leg, cause } => self.end(leg, cause).await,
            Command::Dial(dial) => {
                let _ = self.events.send(Event::Ended { leg: dial.leg, cause: EndCause::Unavailable }).await;
            }
            Command::Reoffer { leg, .. } => {
                let _ = self.events.send(Event::ReofferRefused { leg, cause: EndCause::NotAcceptable }).await;
            }
            Command::SendText(text) => {
                let delivery = Delivery::Failed(EndCause::Unavailable);
                let _ = self.events.send(Event::TextSent { leg: text.leg, delivery }).await;
            }
            Command::PassContent { leg, id, .. } => {
                let delivery = Delivery::TypeNotTaken;
                let _ = self.events.send(Event::ContentAnswered { leg, id, delivery }).await;
            }
            // Our parties never re-offer, write nothing, ask for no recording and want no transfer; `Drain` ended the
            // loop.
            Command::AnswerReoffer { .. }
            | Command::RefuseReoffer { .. }
            | Command::AnswerCandidates { .. }
            | Command::AnswerRecord { .. }
            | Command::TransferProgress { .. }
            | Command::Tell { .. }
            | Command::AnswerContent { .. }
            | Command::AnswerText { .. }
            | Command::RefuseCalls
            | Command::Drain => {}
        }
    }

    async fn tell(&mut self, leg: LegId, line: &str) {
        if let Some(party) = self.parties.get_mut(&leg) {
            // A party that is gone is noticed by its reader.
            let _ = party.write_all(format!("{line}\n").as_bytes()).await;
        }
    }

    /// Exactly one `Ended` for each leg, whoever ends it.
    async fn end(&mut self, leg: LegId, cause: EndCause) {
        self.tell(leg, &format!("ended {cause:?}")).await;
        if self.parties.remove(&leg).is_some() {
            let _ = self.events.send(Event::Ended { leg, cause }).await;
        }
    }
}

type Said = (LegId, IpAddr, Option<String>);

async fn listen(reading: OwnedReadHalf, leg: LegId, remote: IpAddr, lines: Sender<Said>) {
    let mut reading = BufReader::new(reading).lines();
    while let Ok(Some(line)) = reading.next_line().await {
        let _ = lines.send((leg, remote, Some(line))).await;
    }
    let _ = lines.send((leg, remote, None)).await;
}

/// A gateway of one line, and a party that calls it.
#[tokio::test]
async fn a_party_calls_presses_a_digit_and_is_hung_up() {
    let bind = free_address();
    let (events, mut reported) = mpsc::channel(16);
    let commands = EchoAdapter { bind }.start(events).expect("a free port");
    let (reading, mut party) = TcpStream::connect(bind).await.expect("it listens").into_split();
    let mut heard = BufReader::new(reading).lines();
    let mut hear = async || heard.next_line().await.expect("it is open").expect("a line");

    party.write_all(b"call 9196\n").await.expect("it is open");
    let Some(Event::Incoming(call)) = reported.recv().await else { panic!("a call was expected") };
    assert_eq!(call.destination, "9196");
    let leg = call.leg;
    let send = async |command| commands.send(command).await.expect("the adapter is alive");
    send(Command::Ring { leg, description: None }).await;
    assert_eq!(hear().await, "ringing");
    let description = SessionDescription::parse("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    let description = Box::new(description.expect("a description without media"));
    send(Command::Answer { leg, description }).await;
    assert_eq!(hear().await, "answered");

    party.write_all(b"digit 5\n").await.expect("it is open");
    let Some(Event::DigitPressed { digit, duration, .. }) = reported.recv().await else { panic!("a digit") };
    send(Command::SendDigit { leg, digit, duration }).await;
    assert_eq!(hear().await, "digit 5");

    send(Command::Hangup { leg, cause: EndCause::Busy }).await;
    assert_eq!(hear().await, "ended Busy");
    let Some(Event::Ended { leg: ended, cause: EndCause::Busy }) = reported.recv().await else {
        panic!("the end")
    };
    assert_eq!(ended, leg);
}

#[tokio::test]
async fn draining_ends_every_leg_once_and_closes_the_port() {
    let bind = free_address();
    let (events, mut reported) = mpsc::channel(16);
    let commands = EchoAdapter { bind }.start(events).expect("a free port");
    let mut party = TcpStream::connect(bind).await.expect("it listens");
    party.write_all(b"call 1\n").await.expect("it is open");
    let Some(Event::Incoming(call)) = reported.recv().await else { panic!("a call was expected") };
    commands.send(Command::Drain).await.expect("the adapter is alive");
    let Some(Event::Ended { leg, cause: EndCause::ShuttingDown }) = reported.recv().await else {
        panic!("the end")
    };
    assert_eq!(leg, call.leg);
    assert!(reported.recv().await.is_none(), "no event follows");
    assert!(TcpStream::connect(bind).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_reported() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let bind = taken.local_addr().expect("bound");
    let (events, _) = mpsc::channel(1);
    let error = EchoAdapter { bind }.start(events).expect_err("the port is taken");
    assert!(error.to_string().starts_with(&format!("echo: cannot listen on {bind}")), "{error}");
}

fn free_address() -> SocketAddr {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    free.local_addr().expect("bound")
}
