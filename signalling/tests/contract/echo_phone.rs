//! A phone of the example's: lines of text on TCP.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use webtrunk_contract::{FarEnd, Heard, PATIENCE};
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_signalling::adapter::{Adapter, Target};
use webtrunk_signalling::locations::Locations;
use webtrunk_signalling::lock::lock;

use crate::echo::EchoAdapter;
use crate::{PASSWORD, REALM, Users};

/// One phone, and its calls by their places in a list.
pub(crate) struct EchoPhone {
    server: SocketAddr,
    locations: Locations,
    line: Option<Line>,
    calls: Vec<String>,
}

struct Line {
    writing: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    reader: JoinHandle<()>,
    called: UnboundedReceiver<String>,
    heard: HashMap<String, UnboundedReceiver<Heard>>,
    calls: Calls,
}

/// Where what is heard of each call goes, and whether the phone has an offer of its own under way.
type Calls = Arc<Mutex<HashMap<String, (UnboundedSender<Heard>, bool)>>>;

impl FarEnd for EchoPhone {
    type Call = usize;

    async fn new() -> (Self, Box<dyn Adapter>) {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = free.local_addr().expect("bound");
        let locations = Locations::default();
        let adapter = EchoAdapter {
            bind: server,
            users: Arc::new(Users),
            realm: REALM.to_owned(),
            locations: locations.clone(),
        };
        (Self { server, locations, line: None, calls: Vec::new() }, Box::new(adapter))
    }

    async fn connect(&mut self) {
        let stream = TcpStream::connect(self.server).await.expect("it listens");
        let (reading, mut writing) = stream.into_split();
        let login = format!("login alice {PASSWORD}\n");
        writing.write_all(login.as_bytes()).await.expect("it is open");
        let mut reading = BufReader::new(reading);
        let mut welcome = String::new();
        reading.read_line(&mut welcome).await.expect("it is open");
        assert_eq!(welcome, "welcome\n");
        let writing = Arc::new(tokio::sync::Mutex::new(writing));
        let (to_us, called) = mpsc::unbounded_channel();
        let calls = Calls::default();
        let reader = tokio::spawn(read(reading, Arc::clone(&writing), to_us, Arc::clone(&calls)));
        self.line = Some(Line { writing, reader, called, heard: HashMap::new(), calls });
    }

    fn target(&self) -> Target {
        self.locations.contacts("alice").first().expect("it has come").target("alice")
    }

    async fn call(&mut self, number: &str, offer: &SessionDescription) -> usize {
        let name = format!("c{}", self.calls.len());
        let call = self.enter(name.clone());
        self.say(&format!("call {name} {number} {}", one_line(offer))).await;
        call
    }

    async fn called(&mut self) -> usize {
        let line = self.line.as_mut().expect("it has come");
        let name = timeout(PATIENCE, line.called.recv()).await.expect("in time").expect("the line is open");
        self.enter(name)
    }

    async fn ring(&mut self, call: usize) {
        self.say(&format!("ringing {}", self.calls[call])).await;
    }

    async fn answer(&mut self, call: usize, description: &SessionDescription) {
        self.say(&format!("answer {} {}", self.calls[call], one_line(description))).await;
    }

    async fn reject(&mut self, call: usize) {
        self.say(&format!("refuse {}", self.calls[call])).await;
    }

    async fn hang_up(&mut self, call: usize) {
        self.say(&format!("end {}", self.calls[call])).await;
    }

    async fn reoffer(&mut self, call: usize, offer: &SessionDescription) {
        let name = self.calls[call].clone();
        let line = self.line.as_ref().expect("it has come");
        lock(&line.calls).get_mut(&name).expect("it has such a call").1 = true;
        self.say(&format!("reoffer {name} {}", one_line(offer))).await;
    }

    async fn hear(&mut self, call: usize) -> Heard {
        let line = self.line.as_mut().expect("it has come");
        let heard = line.heard.get_mut(&self.calls[call]).expect("it has such a call");
        timeout(PATIENCE, heard.recv()).await.expect("nothing is heard").expect("the line is open")
    }

    async fn vanish(&mut self) {
        let line = self.line.take().expect("it has come");
        line.reader.abort();
    }
}

impl EchoPhone {
    /// What is heard of a call waits from now on.
    fn enter(&mut self, name: String) -> usize {
        let line = self.line.as_mut().expect("it has come");
        let (sender, receiver) = mpsc::unbounded_channel();
        lock(&line.calls).entry(name.clone()).or_insert((sender, false));
        line.heard.entry(name.clone()).or_insert(receiver);
        self.calls.push(name);
        self.calls.len() - 1
    }

    async fn say(&self, line: &str) {
        let own = self.line.as_ref().expect("it has come");
        let mut writing = own.writing.lock().await;
        writing.write_all(format!("{line}\n").as_bytes()).await.expect("the line is open");
    }
}

async fn read(
    mut reading: BufReader<OwnedReadHalf>,
    writing: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    called: UnboundedSender<String>,
    calls: Calls,
) {
    let mut line = String::new();
    while reading.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        let text = std::mem::take(&mut line);
        let mut words = text.trim_end_matches('\n').splitn(3, ' ');
        let [verb, name, rest] = [(); 3].map(|()| words.next().unwrap_or_default());
        if verb == "call" {
            let _ = called.send(name.to_owned());
            continue;
        }
        let Some((heard, offers)) = lock(&calls).get(name).cloned() else { continue };
        let is_of = |is_met| {
            lock(&calls).get_mut(name).expect("it is there").1 = false;
            Heard::ReofferSettled { is_met }
        };
        let told = match verb {
            "ringing" => Heard::Ringing,
            "answer" => Heard::Answered { description: rest.replace('\t', "\r\n") },
            "accept" => is_of(true),
            "refuse" => is_of(false),
            "reoffer" => {
                let answer = if offers { "refuse" } else { "accept" };
                let answer = format!("{answer} {name} {rest}\n");
                let _ = writing.lock().await.write_all(answer.as_bytes()).await;
                Heard::Reoffered
            }
            "end" => Heard::Ended,
            other => panic!("no word of the protocol: {other}"),
        };
        let _ = heard.send(told);
    }
}

fn one_line(description: &SessionDescription) -> String {
    description.to_string().replace("\r\n", "\t")
}
