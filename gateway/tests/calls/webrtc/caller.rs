//! The stage's users as WebRTC callers.

use webtrunk_loadtest::agent::{AgentError, Voice, WebrtcCaller, WebrtcConfig};

use crate::sip::stage::Stage;
use crate::support::gateway::{PATIENCE, password};

/// What a WebRTC caller says: one second over and over, which Opus keeps at its level at this frequency.
pub(super) const SAID_HZ: u16 = 440;

/// A user, connected, not registered.
pub(super) async fn user(stage: &Stage, name: &str) -> WebrtcCaller {
    let config = WebrtcConfig {
        media_address: Some(stage.gateway.sip().ip()),
        voice: Some(Voice::tone(SAID_HZ, -10.0)),
        ..WebrtcConfig::new(&stage.gateway.websocket(), name, &password(name))
    };
    WebrtcCaller::new(config).await.expect("the gateway listens")
}

/// The status that refuses a call.
pub(super) async fn refusal(caller: &WebrtcCaller, number: &str) -> Option<u16> {
    let dialing = caller.dial(number).await.expect("a number");
    dialing.answered(PATIENCE).await.err().as_ref().and_then(AgentError::status)
}
