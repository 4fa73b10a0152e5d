//! A page at the gateway, and one call of it.

use std::time::Duration;

use serde_json::{Value, json};
use webtrunk_codecs::SampleRate;
use webtrunk_loadtest::agent::{
    Call, Direction, Heard, JsonPage, PageError, PageMedia, Phone, Trust, Voice, WebrtcConfig,
};

use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::sound::Sound;

/// What every stage here has: pages of users with passwords.
pub(super) fn pages(lines: &str) -> GatewayConfig {
    GatewayConfig::default().sections(&format!("[json]\npasswords = true\n{lines}"))
}

/// A stage with pages, whose phone at the office may call alice by 700.
pub(super) fn stage() -> Stage {
    stage_with("")
}

/// The same with more lines in `[json]`.
pub(super) fn stage_with(lines: &str) -> Stage {
    stage_of(pages(lines))
}

/// The same with what a configuration of pages has already.
pub(super) fn stage_of(config: GatewayConfig) -> Stage {
    stage_with_carrier(config, "")
}

/// The same, whose carrier has these lines too.
pub(super) fn stage_with_carrier(config: GatewayConfig, lines: &str) -> Stage {
    let rule = "destination = '700'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]";
    let bob = "destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]";
    let alice = "destination = 'alice'\nactions = [{ bridge = { user = 'alice' } }]";
    Stage::with_lines(&["PCMU"], config.user("bob").rule(rule).rule(bob).rule(alice), lines)
}

/// Where pages connect.
pub(in crate::agents) fn address(gateway: &Gateway) -> String {
    gateway.websocket().replace("/sip", "/api/v1")
}

/// Opens a connection.
pub(super) async fn open(gateway: &Gateway) -> JsonPage {
    JsonPage::open(&address(gateway), &Trust::default(), None).await.expect("the gateway listens")
}

/// The proof of a user with a password.
pub(super) fn proof(user: &str) -> Value {
    json!({ "proof": { "kind": "password", "user": user, "password": password(user) } })
}

/// A page of this user, and what it was answered.
pub(super) async fn connect(gateway: &Gateway, user: &str) -> (JsonPage, Value) {
    let mut page = open(gateway).await;
    let session = page.request("connect", proof(user)).await.expect("the password is right");
    page.event("registration", PATIENCE).await.expect("it can be called");
    (page, session)
}

/// What media a page has on this stage, which says this tone.
pub(in crate::agents) fn media(stage: &Stage, hz: u16) -> PageMedia {
    let voice = Some(Voice::tone(hz, LEVEL_DBM0));
    let config = WebrtcConfig { media_address: Some(stage.gateway.sip().ip()), voice, ..stage.alice() };
    PageMedia::open(&config).expect("a port")
}

/// A call of a page that was placed.
pub(in crate::agents) struct Placed {
    pub(in crate::agents) call_id: String,
    pub(in crate::agents) media: PageMedia,
}

/// Places a call.
pub(in crate::agents) async fn call(page: &mut JsonPage, media: PageMedia, to: &str) -> Placed {
    place(page, media, json!({ "to": to })).await
}

/// Places a call by these parameters.
pub(super) async fn place(page: &mut JsonPage, media: PageMedia, mut params: Value) -> Placed {
    params["sdp"] = media.offer(Direction::SendRecv).await.expect("an offer").into();
    let placed = page.request("call", params).await.expect("it is placed");
    Placed { call_id: placed["callId"].as_str().expect("a name").to_owned(), media }
}

/// Waits for the answer to it.
pub(in crate::agents) async fn connected(page: &mut JsonPage, placed: &Placed) {
    let told = page.event("connected", PATIENCE).await.expect("an answer");
    assert_eq!(told["callId"], placed.call_id.as_str());
    let sdp = told["sdp"].as_str().expect("the gateway's answer");
    placed.media.accept(sdp).await.expect("a codec in common");
    placed.media.ready(PATIENCE).await.expect("a path");
}

/// Alice's page calls the carrier's phone, which lifts: the page, what that was answered as it connected, and both ends.
pub(super) async fn begin_call(stage: &Stage, carrier: &Phone) -> (JsonPage, Value, Placed, Call) {
    let (mut page, session) = connect(&stage.gateway, "alice").await;
    let placed = call(&mut page, media(stage, CALLER_HZ), "9100").await;
    let lifted = lift(carrier).await;
    connected(&mut page, &placed).await;
    (page, session, placed, lifted)
}

/// Takes the next call.
pub(super) async fn answer(page: &mut JsonPage, media: PageMedia) -> Placed {
    let incoming = page.event("incoming", PATIENCE).await.expect("a call");
    take(page, &incoming, media).await
}

/// Takes the call of which the page was told by this event.
pub(super) async fn take(page: &mut JsonPage, incoming: &Value, media: PageMedia) -> Placed {
    let call_id = incoming["callId"].as_str().expect("a name").to_owned();
    let sdp = media.answer(incoming["sdp"].as_str().expect("an offer")).await.expect("a codec in common");
    page.request("answer", json!({ "callId": call_id, "sdp": sdp })).await.expect("it waits for one");
    page.event("connected", PATIENCE).await.expect("it is up");
    media.ready(PATIENCE).await.expect("a path");
    Placed { call_id, media }
}

/// Changes the call's media by an offer of this direction.
pub(super) async fn change(
    page: &mut JsonPage,
    placed: &Placed,
    method: &str,
    direction: Direction,
) -> Result<(), PageError> {
    let sdp = placed.media.offer(direction).await?;
    let answer = page.request(method, json!({ "callId": placed.call_id, "sdp": sdp })).await?;
    placed.media.accept(answer["sdp"].as_str().expect("an answer")).await?;
    Ok(())
}

/// Hangs the call up, and waits until that is told.
pub(super) async fn hang_up(page: &mut JsonPage, placed: Placed) {
    page.request("hangup", json!({ "callId": placed.call_id })).await.expect("it is there");
    let ended = page.event("ended", PATIENCE).await.expect("its end");
    assert_eq!((&ended["callId"], &ended["cause"]), (&json!(placed.call_id), &json!("hangup")));
    placed.media.close();
}

/// Fails unless a page and the phone that it called hear each other from now on.
pub(super) async fn assert_talk(placed: &Placed, lifted: &Call) {
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_phone_hears(lifted, CALLER_HZ).await;
}

/// The same; then the page hangs up, and the phone is told.
pub(super) async fn assert_talk_and_end(page: &mut JsonPage, placed: Placed, lifted: &Call) {
    assert_talk(&placed, lifted).await;
    hang_up(page, placed).await;
    lifted.ended(PATIENCE).await.expect("the phone is told");
}

/// Fails unless a page hears this tone from now on.
pub(in crate::agents) async fn assert_page_hears(media: &PageMedia, hz: u16) {
    let so_far = media.heard().await.expect("a log").packets.len();
    media.heard_packets(so_far + 75, PATIENCE).await.expect("audio");
    let level = latest(&media.heard().await.expect("a log"), hz);
    assert!((level - LEVEL_DBM0).abs() <= 1.0, "{hz} Hz with {level:.2} dBm0");
}

/// Fails where a page hears this tone in the second that follows.
pub(super) async fn assert_page_hears_no(media: &PageMedia, hz: u16) {
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let level = latest(&media.heard().await.expect("a log"), hz);
    assert!(level < LEVEL_DBM0 - 20.0, "{hz} Hz with {level:.2} dBm0");
}

/// The same of a phone, or a browser by SIP.
pub(in crate::agents) async fn assert_phone_hears(call: &Call, hz: u16) {
    let so_far = call.heard().await.expect("a log").packets.len();
    call.heard_packets(so_far + 75, PATIENCE).await.expect("audio");
    let level = latest(&call.heard().await.expect("a log"), hz);
    assert!((level - LEVEL_DBM0).abs() <= 1.0, "{hz} Hz with {level:.2} dBm0");
}

/// Fails where a phone hears this tone in the second that follows.
pub(super) async fn assert_phone_hears_no(call: &Call, hz: u16) {
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let level = latest(&call.heard().await.expect("a log"), hz);
    assert!(level < LEVEL_DBM0 - 20.0, "{hz} Hz with {level:.2} dBm0");
}

/// The level of a tone in the latest second of what was heard, in dBm0.
fn latest(heard: &Heard, hz: u16) -> f64 {
    let samples = heard.samples(SampleRate::HZ_8000);
    let from = samples.len().saturating_sub(8000);
    Sound::telephone(samples[from..].to_vec()).dbm0_at(hz.into())
}

/// What the other ends say.
pub(super) const OTHER_HZ: u16 = CALLEE_HZ;
