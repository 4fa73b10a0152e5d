//! A page of the JSON API: JSON-RPC 2.0 over a WebSocket.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, web};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use webtrunk_contract::{FarEnd, Heard, PATIENCE};
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_signalling::accounts::AccountTrunks;
use webtrunk_signalling::adapter::{Adapter, Target};
use webtrunk_signalling::auth::ephemeral::EphemeralKeys;
use webtrunk_signalling::auth::ice_servers::IceSources;
use webtrunk_signalling::auth::token::Keyring;
use webtrunk_signalling::commons::Commons;
use webtrunk_signalling::http::{Gate, HttpDoor, OriginPolicy, serve};
use webtrunk_signalling::json::adapter::{JsonAdapter, JsonEndpoint, JsonLimits};
use webtrunk_signalling::json::{JsonConfig, Proofs};
use webtrunk_signalling::locations::Locations;
use webtrunk_signalling::lock::lock;
use webtrunk_signalling::room::Room;
use webtrunk_signalling::sip::agent::TextConfig;
use webtrunk_signalling::text_rates::TextRates;

use crate::{PASSWORD, REALM, Users};

/// One page, and its calls by their places in a list.
pub(crate) struct JsonPage {
    server: SocketAddr,
    handle: ServerHandle,
    locations: Locations,
    to_socket: Option<UnboundedSender<Asked>>,
    called: UnboundedReceiver<String>,
    to_called: UnboundedSender<String>,
    calls: Vec<String>,
    heard: Heards,
}

/// A request, and who waits for its answer.
type Asked = (&'static str, Value, oneshot::Sender<Value>);

/// What is heard of each call, by its name, from the first word of it.
type Heards = Arc<Mutex<HashMap<String, (UnboundedSender<Heard>, Option<UnboundedReceiver<Heard>>)>>>;

impl FarEnd for JsonPage {
    type Call = usize;

    async fn new() -> (Self, Box<dyn Adapter>) {
        let room = Room::new(None, None, Arc::default());
        let texts = TextRates::new(TextConfig::default());
        let commons = Commons::new(room, texts);
        let config = JsonConfig { passwords: true, realm: REALM.to_owned(), ..JsonConfig::default() };
        let proofs = Proofs {
            tokens: Keyring::default(),
            ephemeral: EphemeralKeys::default(),
            edge: EphemeralKeys::default(),
            users: Arc::new(Users),
            trunks: AccountTrunks::default(),
            passwords: HashMap::new(),
            customers: HashMap::new(),
            has_customers: false,
            ice: IceSources::default(),
            has_recordings: false,
            headers: Vec::new(),
        };
        // Programs may connect, which name no page.
        let origins = OriginPolicy::new(Vec::new(), true);
        let adapter = JsonAdapter::new(config, proofs, origins, JsonLimits::default(), commons);
        let (server, handle) = mount(adapter.endpoint());
        let (to_called, called) = mpsc::unbounded_channel();
        let page = Self {
            server,
            handle,
            locations: adapter.locations(),
            to_socket: None,
            called,
            to_called,
            calls: Vec::new(),
            heard: Heards::default(),
        };
        (page, Box::new(adapter))
    }

    async fn connect(&mut self) {
        let mut request = format!("ws://{}/api/v1", self.server).into_client_request().expect("a URL");
        let subprotocol = HeaderValue::from_static("webtrunk.v1.json");
        request.headers_mut().insert("Sec-WebSocket-Protocol", subprotocol);
        let (socket, _) = tokio_tungstenite::connect_async(request).await.expect("it takes us");
        let (to_socket, asked) = mpsc::unbounded_channel();
        tokio::spawn(run(socket, asked, self.to_called.clone(), Arc::clone(&self.heard)));
        self.to_socket = Some(to_socket);
        let proof = json!({ "kind": "password", "user": "alice", "password": PASSWORD });
        let answer = self.ask("connect", json!({ "proof": proof })).await;
        assert!(answer.get("result").is_some(), "{answer}");
    }

    fn target(&self) -> Target {
        self.locations.contacts("alice").first().expect("it has come").target("alice")
    }

    async fn call(&mut self, number: &str, offer: &SessionDescription) -> usize {
        let answer = self.ask("call", json!({ "to": number, "sdp": offer.to_string() })).await;
        match answer["result"]["callId"].as_str() {
            Some(name) => self.enter(name.to_owned()),
            // It is refused by the answer itself.
            None => {
                assert!(answer.get("error").is_some(), "{answer}");
                let name = format!("refused {}", self.calls.len());
                tell(&self.heard, &name, Heard::Ended);
                self.enter(name)
            }
        }
    }

    async fn called(&mut self) -> usize {
        let name = timeout(PATIENCE, self.called.recv()).await.expect("in time").expect("we have one end");
        self.enter(name)
    }

    async fn ring(&mut self, _: usize) {}

    async fn answer(&mut self, call: usize, description: &SessionDescription) {
        let params = json!({ "callId": self.calls[call], "sdp": description.to_string() });
        self.ask("answer", params).await;
    }

    async fn reject(&mut self, call: usize) {
        self.ask("reject", json!({ "callId": self.calls[call], "cause": "busy" })).await;
    }

    async fn hang_up(&mut self, call: usize) {
        self.ask("hangup", json!({ "callId": self.calls[call] })).await;
    }

    async fn reoffer(&mut self, call: usize, offer: &SessionDescription) {
        let (answered, answer) = oneshot::channel();
        let name = self.calls[call].clone();
        let params = json!({ "callId": name, "sdp": offer.to_string() });
        let to_socket = self.to_socket.as_ref().expect("it has come");
        to_socket.send(("hold", params, answered)).expect("the connection is open");
        let heard = Arc::clone(&self.heard);
        tokio::spawn(async move {
            if let Ok(answer) = answer.await {
                tell(&heard, &name, Heard::ReofferSettled { is_met: answer.get("result").is_some() });
            }
        });
    }

    async fn hear(&mut self, call: usize) -> Heard {
        let name = &self.calls[call];
        let mut receiver = lock(&self.heard).get_mut(name).and_then(|it| it.1.take()).expect("its end of it");
        let heard =
            timeout(PATIENCE, receiver.recv()).await.expect("nothing is heard").expect("we have one end");
        lock(&self.heard).get_mut(name).expect("it was there").1 = Some(receiver);
        heard
    }

    async fn vanish(&mut self) {
        self.to_socket = None;
    }
}

impl JsonPage {
    fn enter(&mut self, name: String) -> usize {
        let mut heard = lock(&self.heard);
        heard.entry(name.clone()).or_insert_with(channel);
        drop(heard);
        self.calls.push(name);
        self.calls.len() - 1
    }

    /// Asks for something; the answer, whatever it is.
    async fn ask(&self, method: &'static str, params: Value) -> Value {
        let (answered, answer) = oneshot::channel();
        let to_socket = self.to_socket.as_ref().expect("it has come");
        to_socket.send((method, params, answered)).expect("the connection is open");
        timeout(PATIENCE, answer).await.expect("in time").expect("the connection is open")
    }
}

impl Drop for JsonPage {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

fn channel() -> (UnboundedSender<Heard>, Option<UnboundedReceiver<Heard>>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Some(receiver))
}

fn tell(heard: &Heards, name: &str, what: Heard) {
    // Nobody may hear any more.
    let _ = lock(heard).entry(name.to_owned()).or_insert_with(channel).0.send(what);
}

/// Serves the adapter's pages at a free port.
fn mount(endpoint: JsonEndpoint) -> (SocketAddr, ServerHandle) {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("bound");
    let door = HttpDoor {
        socket,
        tls: None,
        gate: Gate::new(100, 100),
        media: None,
        workers: 1,
        head_deadline: Duration::from_secs(5),
        write_deadline: Duration::from_secs(5),
        farewell_s: 1,
    };
    let endpoint = web::Data::new(endpoint);
    let server = serve(door, move || {
        let page = web::get().to(webtrunk_signalling::json::adapter::serve);
        App::new().app_data(endpoint.clone()).route("/api/v1", page)
    });
    let server = server.expect("the port is ours");
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, handle)
}

/// The connection, until the page drops its end of it, or the gateway closes it: then no call of its is left.
async fn run(
    mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    mut asked: UnboundedReceiver<Asked>,
    called: UnboundedSender<String>,
    heard: Heards,
) {
    let mut waiting: HashMap<u64, oneshot::Sender<Value>> = HashMap::new();
    let mut id = 0;
    loop {
        tokio::select! {
            request = asked.recv() => {
                // Without a word.
                let Some((method, params, answered)) = request else { return };
                id += 1;
                let text = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
                waiting.insert(id, answered);
                let _ = socket.send(Message::text(text.to_string())).await;
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let told: Value = serde_json::from_str(&text).expect("JSON");
                    match told["id"].as_u64().and_then(|id| waiting.remove(&id)) {
                        Some(answered) => _ = answered.send(told),
                        None => hear(&told, &called, &heard),
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            },
        }
    }
    let names: Vec<_> = lock(&heard).keys().cloned().collect();
    names.iter().for_each(|name| tell(&heard, name, Heard::Ended));
}

/// What the gateway tells the page unasked.
fn hear(told: &Value, called: &UnboundedSender<String>, heard: &Heards) {
    let params = &told["params"];
    let Some(name) = params["callId"].as_str() else { return };
    match told["method"].as_str().expect("an event") {
        "incoming" => _ = called.send(name.to_owned()),
        "ringing" => tell(heard, name, Heard::Ringing),
        "connected" => {
            // Without a description it is the page itself that answered.
            if let Some(sdp) = params["sdp"].as_str() {
                tell(heard, name, Heard::Answered { description: sdp.to_owned() });
            }
        }
        "restartNeeded" => tell(heard, name, Heard::Reoffered),
        "ended" => tell(heard, name, Heard::Ended),
        _ => {}
    }
}
