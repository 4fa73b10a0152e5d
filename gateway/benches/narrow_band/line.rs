//! A browser's line to a phone that speaks PCMU, over a gateway of its own.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Phone, PhoneConfig, Voice};

use super::asked::Asked;
use super::support::browser::Browser;
use super::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use super::support::gateway_config::{SIP_PORT, WEBRTC_PORT};
use super::support::host::Host;
use super::support::page::{LineConfig, Page};
use super::support::relay::{Faults, Relay};
use super::support::sound::Sound;
use super::support::speech;

/// A line; each has one gateway, so that all lines can talk at the same time and be told apart.
pub(crate) struct Line {
    gateway: Gateway,
    relay: Option<Relay>,
    page: Page,
    phone: Phone,
    _host: Host,
    runtime: Handle,
    calls: usize,
}

/// What came of one call.
pub(crate) struct Call {
    /// What the phone heard.
    pub(crate) heard: Sound,
    /// The Opus frames that the browser sent.
    pub(crate) sent: Vec<Vec<u8>>,
    /// Processor time of the whole gateway for each second of the call.
    pub(crate) gateway_cpu: Duration,
}

/// From the answer to the first moment that counts: both encoders have begun, and loss was reported.
const SETTLED: Duration = Duration::from_secs(3);

impl Line {
    /// Starts everything and registers the browser. Packets of the browser get lost with this probability.
    pub(crate) fn new(asked: Asked, loss: f64, browser: &Browser, runtime: &Handle) -> Self {
        let host = Host::new();
        let mut config = GatewayConfig::default()
            .origin(browser.origin())
            .user("alice")
            .trunk("provider", &host, &["PCMU"])
            .rule("destination = '1'\nactions = [{ bridge = { trunk = 'provider', number = '1' } }]")
            .media("shards = 1")
            .media(&format!("narrow_band_bitrate = {}", asked.bitrate_bps));
        let relay = (loss > 0.0).then(Relay::new);
        if let Some(relay) = &relay {
            config = config.media(&format!("external_addresses = [\"{}\"]", relay.ip()));
        }
        let gateway = Gateway::start(&config);
        if let Some(relay) = &relay {
            let faults = [Faults { loss, ..Faults::default() }, Faults::default()];
            relay.carry((gateway.sip().ip(), WEBRTC_PORT).into(), faults);
        }
        let phone = runtime.block_on(Phone::new(PhoneConfig {
            bind: host.at(SIP_PORT),
            codecs: vec![CodecId::Pcmu],
            voice: Some(Voice::from_wav(&speech::file()).expect("in the repository")),
            ..PhoneConfig::default()
        }));
        let phone = phone.expect("the host is ours");
        let page = browser.open();
        let line = LineConfig { opus: asked.added, watches_frames: true, ..LineConfig::default() };
        page.register(&gateway, "alice", &line);
        Self { gateway, relay, page, phone, _host: host, runtime: runtime.clone(), calls: 0 }
    }

    /// Calls the phone and talks so long.
    pub(crate) fn call(&mut self, talk_s: f64) -> Call {
        self.calls += 1;
        self.page.call("1");
        let call = self.runtime.block_on(async {
            let incoming = tokio::time::timeout(PATIENCE, self.phone.next_incoming()).await;
            incoming.expect("the call comes in time").expect("an INVITE").answer().await
        });
        let call = call.expect("PCMU is offered");
        self.page.next("accepted");
        thread::sleep(SETTLED);
        let (cpu, began_at) = (self.gateway_cpu(), Instant::now());
        let sent = self.page.frames("collectSent", talk_s);
        let gateway_cpu = (self.gateway_cpu() - cpu).div_f64(began_at.elapsed().as_secs_f64());
        let heard = self.runtime.block_on(call.heard()).expect("a log");
        self.page.hangup();
        self.page.next("ended");
        self.runtime.block_on(call.ended(PATIENCE)).expect("an end");
        let last = SampleRate::HZ_8000.samples_in_ms(1) * (talk_s * 1000.0) as usize;
        let mut heard = heard.samples(SampleRate::HZ_8000);
        heard.drain(..heard.len().saturating_sub(last));
        Call { heard: Sound::telephone(heard), sent: sent.into_iter().map(|it| it.1).collect(), gateway_cpu }
    }

    /// Ends it, and sees to it that nothing of its calls is left.
    pub(crate) fn end(self) {
        drop(self.page);
        self.gateway.assert_all_is_over(self.calls);
        self.gateway.stop();
        drop(self.relay);
    }

    /// Processor time of all of its threads so far: those of a gateway stay as long as it does.
    fn gateway_cpu(&mut self) -> Duration {
        let threads = format!("/proc/{}/task", self.gateway.process.child().id());
        let threads = fs::read_dir(threads).expect("it runs");
        let nanoseconds = threads.filter_map(|thread| {
            let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split_ascii_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }
}
