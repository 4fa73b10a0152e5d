//! What the log may not tell, however much of it is asked for.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::EnvFilter;

use super::super::DtlsRole;
use super::pair::Pair;
use super::peer_dtls::{Abilities, Stack};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

/// Everything that the gateway's side says. The peer's stack is not part of the gateway. (What `is` traces
/// no filter of the gateway lets through: `gateway/src/logging.rs`.)
const FILTER: &str = "off,is=debug,str0m_proto=trace,dimpl=trace,webtrunk_engine=trace";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log is the process's, as the gateway's is: only so it has what is told by way of the `log` crate.
#[test]
fn the_log_tells_no_ice_password_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(FILTER))
        .with_writer(move || writer.clone())
        .try_init()
        .expect("nobody else logs here");
    for gateway_role in [DtlsRole::Client, DtlsRole::Server] {
        let profile = SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm;
        let pair = Pair::connected(Abilities { gateway_role, stack: Stack::Rtc(vec![profile]) });
        let text = log.text();
        assert!(text.contains("Set remote credentials"), "ICE is logged");
        assert!(text.contains("Handshake complete"), "DTLS is logged");
        for password in [pair.gateway.local_pwd(), &pair.peer.credentials().1] {
            assert!(!text.contains(password), "a password is in the log");
        }
    }
}
