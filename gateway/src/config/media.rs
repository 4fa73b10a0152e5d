//! `[media]`: addresses, ports, times.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_engine::net::{AddressFilter, Network};

use super::faults::Faults;
use super::prompts::{self, Prompts};

/// The media engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaConfig {
    /// Our addresses that browsers are told of, one candidate each; empty for every address that is
    /// not loopback.
    pub addresses: Vec<IpAddr>,
    /// Whether those of the machine are told, as they come and go: where none are written.
    pub follows_machine: bool,
    /// Addresses told to browsers instead: those of a 1:1 NAT before this machine.
    pub external_addresses: Vec<IpAddr>,
    /// Which of our addresses browsers may be told of.
    pub candidates: AddressFilter,
    /// From where browsers' checks are answered.
    pub checks: AddressFilter,
    /// Whether browsers are told that they reach media by TCP too, at the HTTP server.
    pub tcp: bool,
    /// UDP port of the first shard's browsers; further shards take the following ones. 0 takes free ports.
    pub webrtc_port: u16,
    /// Media threads.
    pub shards: NonZeroUsize,
    /// Address that plain RTP binds to.
    pub rtp_address: IpAddr,
    /// Ports of plain RTP and RTCP, in pairs.
    pub rtp_ports: RangeInclusive<u16>,
    /// How long no packet may come on a leg that should receive, before its call ends.
    pub media_timeout: Duration,
    /// How long a browser's leg may take to connect.
    pub connect_timeout: Duration,
    /// Calls at one time; further ones are refused.
    pub calls_max: usize,
    /// Parties that one conference may have, supervisors included.
    pub conference_parties_max: usize,
    /// What a browser is asked for where the far side carries narrow band only; `None` leaves it alone.
    pub narrow_band_bitrate_bps: Option<NonZeroU32>,
    /// How hard the Opus encoder works, 0..=10.
    pub opus_complexity: u8,
    /// Whether phones are told, and may tell, of pauses by comfort noise.
    pub comfort_noise: bool,
    /// The prompt that is heard by who is on hold; `None` for silence.
    pub music_on_hold: Option<Arc<str>>,
    /// Whether who is on hold is told so.
    pub tell_hold: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MediaSection {
    addresses: Vec<Spanned<String>>,
    external_addresses: Vec<Spanned<String>>,
    candidates_allow: Vec<Spanned<String>>,
    candidates_deny: Vec<Spanned<String>>,
    checks_allow: Vec<Spanned<String>>,
    checks_deny: Vec<Spanned<String>>,
    tcp: Spanned<bool>,
    webrtc_port: Spanned<u16>,
    shards: Option<Spanned<usize>>,
    rtp_address: Spanned<String>,
    rtp_ports: Spanned<Vec<u16>>,
    media_timeout_s: Spanned<u32>,
    connect_timeout_s: Spanned<u32>,
    calls_max: Spanned<usize>,
    conference_parties_max: Spanned<usize>,
    narrow_band_bitrate: Spanned<u32>,
    opus_complexity: Spanned<u8>,
    comfort_noise: bool,
    music_on_hold: Option<Spanned<String>>,
    tell_hold: bool,
}

impl Default for MediaSection {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            external_addresses: Vec::new(),
            candidates_allow: Vec::new(),
            candidates_deny: Vec::new(),
            checks_allow: Vec::new(),
            checks_deny: Vec::new(),
            tcp: unwritten(false),
            // Chosen by us: below the range that the system takes ports from by itself (32768 and up).
            webrtc_port: unwritten(10_000),
            shards: None,
            rtp_address: unwritten("0.0.0.0".to_owned()),
            rtp_ports: unwritten(vec![20_000, 29_999]),
            media_timeout_s: unwritten(60),
            connect_timeout_s: unwritten(20),
            calls_max: unwritten(2000),
            conference_parties_max: unwritten(32),
            narrow_band_bitrate: unwritten(NARROW_BAND_BITRATE),
            opus_complexity: unwritten(5),
            comfort_noise: true,
            music_on_hold: None,
            tell_hold: false,
        }
    }
}

impl MediaSection {
    /// Checks the section, and reads what it plays into `prompts`.
    pub(super) fn check(&self, prompts: &mut Prompts, faults: &mut Faults<'_>) -> Option<MediaConfig> {
        let addresses = faults.parse_all_reachable(&self.addresses, super::ADDRESS_CURE);
        let external_addresses = faults.parse_all_reachable(&self.external_addresses, super::ADDRESS_CURE);
        let candidates = filter(&self.candidates_allow, &self.candidates_deny, faults);
        let checks = filter(&self.checks_allow, &self.checks_deny, faults);
        for (address, text) in addresses.iter().zip(&self.addresses) {
            if addresses.len() == self.addresses.len() && !candidates.admits(*address) {
                let cure = "take it out there or here";
                faults.add(text.span(), "is kept back by candidates_allow or candidates_deny", cure);
            }
        }
        let rtp_address = self.check_rtp_address(faults);
        let shards = self.check_shards(faults);
        let music_on_hold = match &self.music_on_hold {
            Some(prompt) => prompts::load(prompt, prompts, faults).map(Some),
            None => Some(None),
        };
        let rtp_ports = self.check_ports(shards.map_or(1, NonZeroUsize::get), faults);
        Some(MediaConfig {
            follows_machine: self.addresses.is_empty(),
            addresses,
            external_addresses,
            candidates,
            checks,
            tcp: *self.tcp.get_ref(),
            webrtc_port: *self.webrtc_port.get_ref(),
            shards: shards?,
            rtp_address: rtp_address?,
            rtp_ports: rtp_ports?,
            media_timeout: seconds(&self.media_timeout_s, faults)?,
            connect_timeout: seconds(&self.connect_timeout_s, faults)?,
            calls_max: self.check_calls(faults)?,
            conference_parties_max: self.check_parties(faults)?,
            narrow_band_bitrate_bps: self.check_bitrate(faults)?,
            opus_complexity: self.check_complexity(faults)?,
            comfort_noise: self.comfort_noise,
            music_on_hold: music_on_hold?,
            tell_hold: self.tell_hold,
        })
    }

    /// Media over TCP comes by the port of the HTTP server. It cannot be one of UDP's too: a leg knows its
    /// addresses without their protocol.
    pub(super) fn check_tcp(&self, http: Option<u16>, media: Option<&MediaConfig>, faults: &mut Faults<'_>) {
        if !*self.tcp.get_ref() {
            return;
        }
        let Some(port) = http else {
            return faults.add(
                self.tcp.span(),
                "there is no HTTP server to take it",
                "add [http], or write false",
            );
        };
        let Some(media) = media else { return };
        let first = usize::from(media.webrtc_port);
        if first != 0 && (first..first + media.shards.get()).contains(&usize::from(port)) {
            let problem = format!("the port of [http], {port}, is one of the browsers' for UDP");
            faults.add(self.tcp.span(), problem, "move webrtc_port");
        }
    }

    /// The address, once a socket was bound to it.
    fn check_rtp_address(&self, faults: &mut Faults<'_>) -> Option<IpAddr> {
        let address: IpAddr = faults.parse(&self.rtp_address, super::ADDRESS_CURE)?;
        if let Err(error) = UdpSocket::bind((address, 0)) {
            let problem = format!("RTP cannot be received at it: {error}");
            let cure = "write an address of this machine, or \"0.0.0.0\" for all of them";
            faults.add(self.rtp_address.span(), problem, cure);
            return None;
        }
        Some(address)
    }

    fn check_calls(&self, faults: &mut Faults<'_>) -> Option<usize> {
        let calls = *self.calls_max.get_ref();
        if calls == 0 {
            faults.add(self.calls_max.span(), "lets no call through", "write 1 or more");
            return None;
        }
        Some(calls)
    }

    fn check_parties(&self, faults: &mut Faults<'_>) -> Option<usize> {
        let parties = *self.conference_parties_max.get_ref();
        if !PARTIES.contains(&parties) {
            let span = self.conference_parties_max.span();
            faults.add(
                span,
                "is no size of a conference",
                "write 2 to 200; one thread mixes for all of them",
            );
            return None;
        }
        Some(parties)
    }

    fn check_bitrate(&self, faults: &mut Faults<'_>) -> Option<Option<NonZeroU32>> {
        let bitrate = *self.narrow_band_bitrate.get_ref();
        if bitrate != 0 && !BITRATES.contains(&bitrate) {
            let cure = "write 6000 to 510000 bit/s, or 0 to let browsers send full band";
            faults.add(self.narrow_band_bitrate.span(), "is no bitrate of Opus", cure);
            return None;
        }
        Some(NonZeroU32::new(bitrate))
    }

    fn check_complexity(&self, faults: &mut Faults<'_>) -> Option<u8> {
        let complexity = *self.opus_complexity.get_ref();
        if complexity > 10 {
            faults.add(self.opus_complexity.span(), "is no complexity of Opus", "write 0 to 10");
            return None;
        }
        Some(complexity)
    }

    fn check_shards(&self, faults: &mut Faults<'_>) -> Option<NonZeroUsize> {
        let Some(shards) = &self.shards else {
            return Some(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
        };
        let checked = NonZeroUsize::new(*shards.get_ref()).filter(|shards| shards.get() <= SHARDS_MAX);
        if checked.is_none() {
            let cure = format!("write 1 to {SHARDS_MAX}, or leave it out for one per core");
            faults.add(shards.span(), "is no number of media threads", cure);
        }
        checked
    }

    fn check_ports(&self, shards: usize, faults: &mut Faults<'_>) -> Option<RangeInclusive<u16>> {
        let cure = "write [from, to], such as [20000, 29999]";
        let [from, to] = self.rtp_ports.get_ref()[..] else {
            faults.add_missing_below(self.rtp_ports.span(), "is no range of two ports", cure);
            return None;
        };
        // RTP takes an even port and RTCP the odd one after it (RFC 3550 11).
        let first_pair = u32::from(from).next_multiple_of(2);
        if from == 0 || first_pair + 1 > u32::from(to) {
            faults.add(self.rtp_ports.span(), "holds no pair of ports", cure);
            return None;
        }
        let first = usize::from(*self.webrtc_port.get_ref());
        let last = first + shards - 1;
        if last > usize::from(u16::MAX) {
            let problem = format!("{shards} shards need ports up to {last}");
            faults.add(self.webrtc_port.span(), problem, "take a lower port or fewer shards");
        }
        if first != 0 && first <= usize::from(to) && usize::from(from) <= last {
            let problem = format!("the ports of the browsers, {first} to {last}, are among rtp_ports");
            let is_written = !self.webrtc_port.span().is_empty();
            let span = if is_written { self.webrtc_port.span() } else { self.rtp_ports.span() };
            faults.add_missing(span, problem, "move rtp_ports or webrtc_port");
        }
        Some(from..=to)
    }
}

/// The least that keeps the quality of narrow band, lost packets included (docs/decisions/0008).
const NARROW_BAND_BITRATE: u32 = 24_000;

/// Two can talk, and for more than these one core could not encode. Chosen by us.
const PARTIES: RangeInclusive<usize> = 2..=200;

/// RFC 7587 6.1.
const BITRATES: RangeInclusive<u32> = 6000..=510_000;

/// More threads than any machine that this was made for has cores.
const SHARDS_MAX: usize = 256;

fn filter(allow: &[Spanned<String>], deny: &[Spanned<String>], faults: &mut Faults<'_>) -> AddressFilter {
    let mut networks = |texts| faults.parse_all::<Network>(texts, super::NETWORK_CURE);
    AddressFilter { allow: networks(allow), deny: networks(deny) }
}

fn seconds(value: &Spanned<u32>, faults: &mut Faults<'_>) -> Option<Duration> {
    let seconds = *value.get_ref();
    if seconds == 0 || seconds > 86_400 {
        faults.add(value.span(), "is out of range", "write 1 to 86400 seconds");
        return None;
    }
    Some(Duration::from_secs(seconds.into()))
}

impl MediaConfig {
    /// Takes those of the machine's addresses that browsers may be told of, where none are written.
    pub fn take_machine(&mut self, mut machine: Vec<IpAddr>) {
        if self.follows_machine {
            machine.retain(|address| self.candidates.admits(*address));
            self.addresses = machine;
        }
    }

    /// Whether a UDP socket of somebody else at `address` would be in the way, and which key says so.
    pub(super) fn clash(&self, address: SocketAddr) -> Option<&'static str> {
        let (ip, port) = (address.ip(), address.port());
        let first = usize::from(self.webrtc_port);
        let is_shards = first != 0 && (first..first + self.shards.get()).contains(&usize::from(port));
        let has_ip = self.addresses.is_empty() && !ip.is_loopback();
        if is_shards && (has_ip || self.addresses.iter().any(|own| overlap(*own, ip))) {
            return Some("media.webrtc_port");
        }
        (self.rtp_ports.contains(&port) && overlap(self.rtp_address, ip)).then_some("media.rtp_ports")
    }
}

/// Whether sockets at these addresses would be in each other's way.
pub(super) fn overlap(one: IpAddr, other: IpAddr) -> bool {
    one == other || one.is_ipv4() == other.is_ipv4() && (one.is_unspecified() || other.is_unspecified())
}

/// A default: it stands nowhere in the file, so its span is empty.
fn unwritten<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}
