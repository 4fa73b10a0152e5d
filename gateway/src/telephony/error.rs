//! Why what carries calls does not start, and why it ends.

use tokio::task::JoinError;
use webtrunk_engine::engine::{ShardGone, StartError as EngineError};
use webtrunk_signalling::adapter::StartError as AdapterError;
use webtrunk_signalling::switchboard::AdapterGone;

use crate::addresses::bind_cure;
use crate::sight::SightError;
use crate::tls::TlsError;

/// What carries calls did not start.
#[derive(Debug, thiserror::Error)]
pub enum TelephonyError {
    /// The media engine.
    #[error("{0}; {cure}", cure = engine_cure(.0))]
    Engine(#[from] EngineError),
    /// The SIP adapter.
    #[error("{0}; {cure}", cure = adapter_cure(.0))]
    Adapter(#[from] AdapterError),
    /// What keeps the messages of calls.
    #[error(transparent)]
    Sight(#[from] SightError),
    /// There is no thread for webhooks.
    #[error("no thread can be made that sends webhooks: {0}")]
    Webhooks(std::io::Error),
    /// There is no thread for traces.
    #[error("no thread can be made that sends traces: {0}")]
    Traces(#[from] std::io::Error),
    /// The certificates that we trust cannot be loaded.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What carries calls has ended without having been told to. It is not started again in this process:
/// its clients' sessions are lost either way, and whoever supervises the process starts a sound one.
#[derive(Debug, thiserror::Error)]
pub enum Collapse {
    /// An adapter ended.
    #[error(transparent)]
    Adapter(#[from] AdapterGone),
    /// A part of the media engine ended.
    #[error(transparent)]
    Engine(#[from] ShardGone),
    /// The switchboard ended.
    #[error("the switchboard has failed: {0}")]
    Switchboard(#[from] JoinError),
}

fn engine_cure(error: &EngineError) -> String {
    match error {
        EngineError::Bind { source, .. } => bind_cure(source, "media.addresses or media.webrtc_port"),
        _ => "see [media] in the configuration".to_owned(),
    }
}

fn adapter_cure(error: &AdapterError) -> String {
    let AdapterError::Listen { source, .. } = error;
    bind_cure(source, "bind in [[sip.listeners]] or [[sip_ws.listeners]] (demo: --sip)")
}
