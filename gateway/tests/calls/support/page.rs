//! A page of the browser: one line, its call, its microphone and its ear.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::browser::{Browser, Pending};
use super::gateway::{Gateway, PATIENCE};
use super::gateway_config::password;
use super::sound::Sound;
use super::speech;

/// The rate of everything that a page hears.
const RATE: u32 = 48_000;

/// The library of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    Jssip,
    Sipjs,
    /// Our own SDK, which speaks JSON.
    Webtrunk,
}

/// What a page says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Microphone {
    /// The browser's own microphone, which speaks the announcement over and over.
    Speech,
    /// A sine.
    Tone { hz: f64, peak: f64 },
}

/// How a page sends digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DigitsBy {
    Info,
    Rfc4733,
}

/// What a line is made of.
#[derive(Debug, Clone)]
pub(crate) struct LineConfig {
    pub(crate) library: Library,
    pub(crate) microphone: Microphone,
    /// What may be spoken; empty for everything that the browser can.
    pub(crate) codecs: Vec<&'static str>,
    /// Parameters of Opus that the browser reads as if the gateway had asked for them; empty for none.
    pub(crate) opus: &'static str,
    /// Whether encoded frames can be had from the page. While they can, Chromium sends no digits in media.
    pub(crate) watches_frames: bool,
    /// Whether it asks for session timers, and to refresh its calls itself. JsSIP alone can.
    pub(crate) refreshes: bool,
    /// Whether its calls are heard by the speakers of the machine. Our SDK alone can.
    pub(crate) plays: bool,
    /// Where its WebSocket leads; `None` for straight to the gateway.
    pub(crate) socket: Option<String>,
    /// The name to log in by, of SIP's Digest or one that lasts for a while; `None` for the user itself.
    pub(crate) login: Option<String>,
}

impl Default for LineConfig {
    fn default() -> Self {
        Self {
            library: Library::Jssip,
            microphone: Microphone::Speech,
            codecs: Vec::new(),
            opus: "",
            watches_frames: false,
            refreshes: false,
            plays: false,
            socket: None,
            login: None,
        }
    }
}

/// An open page.
pub(crate) struct Page {
    browser: Browser,
    name: String,
}

impl Page {
    pub(super) const fn new(browser: Browser, name: String) -> Self {
        Self { browser, name }
    }

    /// Registers as a user, and waits until it is done.
    pub(crate) fn register(&self, gateway: &Gateway, user: &str, config: &LineConfig) {
        self.begin_registration(gateway, user, &password(user), config);
        self.next("registered");
    }

    /// Starts to register.
    pub(crate) fn begin_registration(
        &self,
        gateway: &Gateway,
        user: &str,
        password: &str,
        config: &LineConfig,
    ) {
        let path = if config.library == Library::Webtrunk { "/api/v1" } else { "/sip" };
        let socket = config.socket.clone().unwrap_or_else(|| gateway.websocket()).replace("/sip", path);
        let account = json!({"user": user, "login": config.login, "password": password, "domain": "webtrunk.example", "socket": socket});
        let microphone = match config.microphone {
            Microphone::Speech => json!("device"),
            Microphone::Tone { hz, peak } => json!({"hz": hz, "peak": peak}),
        };
        let library = match config.library {
            Library::Jssip => "jssip",
            Library::Sipjs => "sipjs",
            Library::Webtrunk => "webtrunk",
        };
        let codecs = if config.codecs.is_empty() { Value::Null } else { json!(config.codecs) };
        let wish = json!({
            "library": library,
            "microphone": microphone,
            "codecs": codecs,
            "opus": config.opus,
            "watchesFrames": config.watches_frames,
            "refreshes": config.refreshes,
            "plays": config.plays,
        });
        self.run("register", &json!([account, wish]));
    }

    /// Loads the page anew: all that it had is gone, but what it kept for itself.
    pub(crate) fn reload(&self) {
        let reload = json!({"do": "reload", "page": self.name});
        self.browser.act(reload).unwrap_or_else(|error| panic!("{} is not loaded anew: {error}", self.name));
    }

    /// Makes ready to time calls.
    pub(crate) fn open_set_up(&self) {
        self.run("openSetUp", &json!([]));
    }

    /// Calls, and gives how many ms passed from there until something was heard.
    pub(crate) fn set_up(&self, target: &str) -> f64 {
        self.run("setUp", &json!([target])).as_f64().expect("a time")
    }

    /// What is measured of the call at the gateway and in the browser. Our SDK alone tells.
    pub(crate) fn statistics(&self) -> Value {
        self.run("statistics", &json!([]))
    }

    /// How loud the page and its other end are, in dB below full scale. Our SDK alone tells.
    pub(crate) fn levels(&self) -> Value {
        self.run("levels", &json!([]))
    }

    /// Removes the registration.
    pub(crate) fn unregister(&self) {
        self.run("unregister", &json!([]));
    }

    /// Calls, and does not wait for anything.
    pub(crate) fn call(&self, target: &str) {
        self.run("call", &json!([target]));
    }

    /// Calls with these header fields besides: `Name: value`. JsSIP alone can.
    pub(crate) fn call_with(&self, target: &str, headers: &[&str]) {
        self.run("call", &json!([target, headers]));
    }

    /// What the registrar calls this page alone. JsSIP alone tells.
    pub(crate) fn device_address(&self) -> String {
        self.run("deviceAddress", &json!([])).as_str().expect("it has one").to_owned()
    }

    /// Calls and waits for the answer.
    pub(crate) fn call_through(&self, target: &str) {
        self.call(target);
        self.next("accepted");
    }

    /// Answers the call that comes in.
    pub(crate) fn answer(&self) {
        self.run("answer", &json!([]));
    }

    /// Cancels, rejects or hangs up, as the state asks.
    pub(crate) fn hangup(&self) {
        self.run("hangup", &json!([]));
    }

    /// Rejects the call that comes in, with a status of SIP.
    pub(crate) fn reject(&self, status: u16) {
        self.run("hangup", &json!([status]));
    }

    /// Holds the call, and waits for the other side's agreement.
    pub(crate) fn hold(&self) {
        self.run("hold", &json!([]));
    }

    /// Takes the call back from hold, and waits for the other side's agreement.
    pub(crate) fn resume(&self) {
        self.run("resume", &json!([]));
    }

    /// Has the other side go on with somebody else.
    pub(crate) fn transfer(&self, target: &str) {
        self.run("transfer", &json!([target]));
    }

    /// Calls somebody else while the call is on hold.
    pub(crate) fn consult(&self, target: &str) {
        self.run("consult", &json!([target]));
    }

    /// Has the other side of the first call go on with whoever was called beside it.
    pub(crate) fn join(&self) {
        self.run("join", &json!([]));
    }

    /// Goes on with the first call. JsSIP alone can.
    pub(crate) fn take_back(&self) {
        self.run("takeBack", &json!([]));
    }

    /// Has the other side of the first call in the one beside it too. Our SDK alone can.
    pub(crate) fn merge(&self) {
        self.run("merge", &json!([]));
    }

    /// Speaks by another microphone from now on, which says a sine. Our SDK alone can.
    pub(crate) fn choose_microphone(&self, hz: f64, peak: f64) {
        self.run("chooseMicrophone", &json!([{"hz": hz, "peak": peak}]));
    }

    /// Has that one pulled out. Our SDK alone sees it.
    pub(crate) fn unplug(&self) {
        self.run("unplug", &json!([]));
    }

    /// The names of the speakers that there are. Our SDK alone tells.
    pub(crate) fn speakers(&self) -> Vec<String> {
        serde_json::from_value(self.run("speakers", &json!([]))).expect("texts")
    }

    /// Is heard by the speaker of this name from now on, in calls that there are too; by the usual one where it is empty.
    pub(crate) fn choose_speaker(&self, name: &str) {
        self.run("chooseSpeaker", &json!([name]));
    }

    /// Is not heard from now on, or is again. Our SDK alone can.
    pub(crate) fn mute(&self, is_muted: bool) {
        self.run("mute", &json!([is_muted]));
    }

    /// The same by the gateway, which the API is asked for. Our SDK's pages alone can.
    pub(crate) fn mute_by_gateway(&self, is_muted: bool) {
        self.run("muteByGateway", &json!([is_muted]));
    }

    /// Wants something of the recording, and waits until it is so. Our SDK alone can.
    pub(crate) fn record(&self, wish: &str) {
        self.run("record", &json!([wish]));
    }

    /// What the gateway knows of the page. Our SDK alone tells.
    pub(crate) fn told_of_itself(&self) -> Value {
        self.run("report", &json!([]))
    }

    /// Writes to somebody, out of any call; `message answered` tells what became of it.
    pub(crate) fn write(&self, target: &str, text: &str) {
        self.run("write", &json!([target, text]));
    }

    /// Writes to the other end of the call. SIP.js alone can.
    pub(crate) fn write_in_call(&self, text: &str) {
        self.run("writeInCall", &json!([text]));
    }

    /// Sends an INFO in the call.
    pub(crate) fn send_info(&self, media_type: &str, body: &str) {
        self.run("sendInfo", &json!([media_type, body]));
    }

    /// Watches somebody by a package, and what of it is told is `notified`; the type is what JsSIP accepts.
    pub(crate) fn watch(&self, target: &str, package: &str, media_type: &str) {
        self.run("watch", &json!([target, package, media_type]));
    }

    /// Is told by `presence` what a user does. Our SDK alone can.
    pub(crate) fn watch_user(&self, user: &str) {
        self.run("watch", &json!([user]));
    }

    /// Is in the call that a user talks in, as `listen`, `whisper` or `barge` says. Our SDK alone can.
    pub(crate) fn supervise(&self, user: &str, mode: &str) {
        self.run("supervise", &json!([user, mode]));
    }

    /// Is something else in that call.
    pub(crate) fn set_mode(&self, mode: &str) {
        self.run("setMode", &json!([mode]));
    }

    /// Watches no more.
    pub(crate) fn unwatch(&self) {
        self.run("unwatch", &json!([]));
    }

    /// Hides the gateway's UDP addresses from the browser in all calls that follow.
    pub(crate) fn hide_udp(&self) {
        self.run("hideUdp", &json!([]));
    }

    /// Restarts ICE, and waits for the other side's agreement. JsSIP alone can.
    pub(crate) fn restart_ice(&self) {
        self.run("restartIce", &json!([]));
    }

    /// Opens another WebSocket in place of its own. JsSIP alone can.
    pub(crate) fn reconnect(&self) {
        self.run("reconnect", &json!([]));
    }

    /// Asks another origin for the edge's credentials by these; the page's error where it may not read the answer.
    pub(crate) fn fetch_credentials(&self, url: &str, name: &str, password: &str) -> Result<Value, String> {
        self.browser.send(&self.name, "fetchCredentials", &json!([url, name, password])).wait()
    }

    /// The STUN and TURN servers that the call's media may go by.
    pub(crate) fn ice_servers(&self) -> Value {
        self.run("iceServers", &json!([]))
    }

    /// The descriptions in force: the page's and the gateway's.
    pub(crate) fn descriptions(&self) -> [String; 2] {
        serde_json::from_value(self.run("describe", &json!([]))).expect("two texts")
    }

    /// Starts to send digits, each held for so many milliseconds.
    pub(crate) fn send_digits(&self, digits: &str, by: DigitsBy, held_ms: u16) {
        let how = match by {
            DigitsBy::Info => "INFO",
            DigitsBy::Rfc4733 => "RFC2833",
        };
        self.run("sendDigits", &json!([digits, how, held_ms]));
    }

    /// Waits for the next event of a kind; see `driver/page` for the kinds.
    ///
    /// # Panics
    /// When there is none in time.
    pub(crate) fn next(&self, kind: &str) -> Value {
        self.next_within(kind, PATIENCE)
    }

    /// [`Page::next`] with a patience of its own.
    pub(crate) fn next_within(&self, kind: &str, patience: Duration) -> Value {
        let milliseconds = u64::try_from(patience.as_millis()).expect("nobody is that patient");
        self.run("next", &json!([kind, milliseconds]))
    }

    /// Takes every event of a kind that happened until now.
    pub(crate) fn taken(&self, kind: &str) -> Vec<Value> {
        self.run("taken", &json!([kind])).as_array().expect("a list").clone()
    }

    /// What is heard in the next seconds.
    pub(crate) fn listen(&self, seconds: f64) -> Sound {
        self.begin_to_listen(seconds).wait()
    }

    /// Starts to listen, so that several can at once.
    pub(crate) fn begin_to_listen(&self, seconds: f64) -> Listening {
        Listening(self.browser.send(&self.name, "listen", &json!([seconds])))
    }

    /// The Opus that comes in the next seconds, decoded without the browser: on a busy machine its jitter
    /// buffer stretches and shortens what it plays, which is no fault of who sent it.
    pub(crate) fn receive(&self, seconds: f64) -> Sound {
        speech::decode(self.frames("collect", seconds))
    }

    /// The encoded frames of the next seconds with their RTP timestamps: those that come by `collect`, those
    /// that go by `collectSent`.
    pub(crate) fn frames(&self, method: &str, seconds: f64) -> Vec<(u32, Vec<u8>)> {
        let frames = self.run(method, &json!([(seconds * 50.0) as u32]));
        let frames: Vec<(u32, String)> = serde_json::from_value(frames).expect("pairs");
        let octets = |text: &String| STANDARD.decode(text).expect("base64");
        frames.iter().map(|(timestamp, text)| (*timestamp, octets(text))).collect()
    }

    /// Listens until a tone is heard, for media takes a moment to flow after an answer.
    ///
    /// # Panics
    /// When it is not heard.
    pub(crate) fn await_tone(&self, hz: f64) {
        let is_heard = (0..60).any(|_| self.listen(0.5).share_of_tone(hz) > 0.9);
        assert!(is_heard, "{} never hears {hz} Hz", self.name);
    }

    /// Fails unless a tone of this level is heard for two seconds without a gap: some two seconds of the next twelve, for
    /// on a busy machine the browser stands still now and then.
    ///
    /// # Panics
    /// When it is not, with what was heard last.
    pub(crate) fn assert_hears(&self, hz: f64, peak: f64, tolerance_db: f64) {
        let mut heard = Ok(());
        for _ in 0..6 {
            heard = self.listen(2.0).expect_tone(hz, peak, tolerance_db);
            if heard.is_ok() {
                return;
            }
        }
        heard.unwrap_or_else(|told| panic!("{}: {told}", self.name));
    }

    /// The statistics of the call (W3C webrtc-stats), one report of a type of this direction.
    pub(crate) fn report(&self, kind: &str) -> Value {
        let reports = self.run("stats", &json!([]));
        let reports = reports.as_array().expect("a list");
        let report = reports.iter().find(|report| report["type"] == kind);
        report.unwrap_or_else(|| panic!("no {kind} in {reports:?}")).clone()
    }

    /// How media travels at present: `udp` or `tcp`.
    pub(crate) fn selected_protocol(&self) -> String {
        self.selected("remoteCandidateId")["protocol"].as_str().expect("a word").to_owned()
    }

    /// One end of the way that media takes at present, as the statistics have it: `localCandidateId` or
    /// `remoteCandidateId`.
    pub(crate) fn selected(&self, end: &str) -> Value {
        self.selected_at_present(end).expect("media has a way")
    }

    /// Whether that end is at this address, where there is one.
    pub(crate) fn is_selected(&self, end: &str, address: &str) -> bool {
        self.selected_at_present(end).is_some_and(|end| end["address"] == address)
    }

    fn selected_at_present(&self, end: &str) -> Option<Value> {
        let reports = self.run("stats", &json!([]));
        let reports = reports.as_array().expect("a list");
        let by_id = |id: &Value| reports.iter().find(|report| report["id"] == *id);
        let transport = reports.iter().find(|report| report["type"] == "transport");
        let pair = match transport {
            Some(transport) => by_id(&transport["selectedCandidatePairId"]),
            // Firefox has no report of it: the pair itself says that it is the one.
            None => {
                reports.iter().find(|report| report["type"] == "candidate-pair" && report["selected"] == true)
            }
        };
        by_id(&pair?[end]).cloned()
    }

    /// The codecs sent and received, as the statistics have them: `audio/opus`.
    pub(crate) fn codecs(&self) -> [String; 2] {
        let reports = self.run("stats", &json!([]));
        let reports = reports.as_array().expect("a list");
        ["outbound-rtp", "inbound-rtp"].map(|kind| {
            let stream = reports.iter().find(|report| report["type"] == kind);
            let stream = stream.unwrap_or_else(|| panic!("no {kind} in {reports:?}"));
            let codec = reports.iter().find(|report| report["id"] == stream["codecId"]);
            codec.and_then(|codec| codec["mimeType"].as_str()).expect("its codec").to_owned()
        })
    }

    fn run(&self, method: &str, arguments: &Value) -> Value {
        let done = self.browser.send(&self.name, method, arguments).wait();
        done.unwrap_or_else(|error| {
            let log = self.browser.log().lines().join("\n");
            panic!("{method}{arguments} on {}: {error}\nconsoles:\n{log}", self.name)
        })
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.browser.close(&self.name);
    }
}

/// An ear under way.
pub(crate) struct Listening(Pending);

impl Listening {
    pub(super) const fn new(pending: Pending) -> Self {
        Self(pending)
    }

    /// What was heard.
    pub(crate) fn wait(self) -> Sound {
        Sound { rate: RATE, samples: self.0.wait_for_samples() }
    }
}
