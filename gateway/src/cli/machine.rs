//! What a sound configuration asks of this machine that it has not: `run` would not start.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::path::Path;

use crate::config::{Config, Fault};

/// Addresses to listen at that this machine does not have.
pub(super) fn lacks(path: &Path, config: &Config) -> Vec<Fault> {
    addresses(config)
        .into_iter()
        .filter(|(_, _, address)| !is_ours(*address))
        .map(|(key, value, _)| Fault {
            file: path.to_owned(),
            line: 0,
            key,
            value: Some(format!("{value:?}")),
            problem: "is no address of this machine".to_owned(),
            cure: "write one that `ip address` shows, or \"0.0.0.0\" or \"[::]\" to listen at all of them"
                .to_owned(),
        })
        .map(|fault| match fault.key.starts_with("media.") {
            true => Fault {
                cure: "write one that `ip address` shows, or leave it out for all of them".to_owned(),
                ..fault
            },
            false => fault,
        })
        .collect()
}

/// Each with its key and as it is written.
fn addresses(config: &Config) -> Vec<(String, String, IpAddr)> {
    let http = config.http.iter().map(|http| ("http.bind".to_owned(), http.bind.to_string(), http.bind.ip()));
    let sections = [("sip", &config.sip.listeners), ("sip_ws", &config.sip_ws.listeners)];
    let of_listeners = sections.into_iter().flat_map(|(section, listeners)| {
        listeners.iter().enumerate().filter_map(move |(index, listener)| {
            let bind = listener.bind?;
            Some((format!("{section}.listeners[{index}].bind"), bind.to_string(), bind.ip()))
        })
    });
    let of_media = config.media.addresses.iter().enumerate();
    let of_media = of_media.map(|(index, own)| (format!("media.addresses[{index}]"), own.to_string(), *own));
    http.chain(of_listeners).chain(of_media).collect()
}

/// Whether the system lets us bind there; whatever else it refuses is told where it is bound.
fn is_ours(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).err().is_none_or(|error| error.kind() != ErrorKind::AddrNotAvailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_ours_are_told_by_their_keys() {
        let text = "[http]\nbind = \"192.0.2.1:8080\"\n[media]\naddresses = [\"127.0.0.1\", \"198.51.100.7\"]\n\
                    [sip_ws]\norigins = [\"https://a.example\"]\n\
                    [[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:5060\"\n\
                    [[sip.listeners]]\ntransport = \"tcp\"\nbind = \"192.0.2.1:5060\"\n";
        let config = Config::parse("w.toml", text).expect("sound");
        let told: Vec<_> = lacks(Path::new("w.toml"), &config).iter().map(ToString::to_string).collect();
        let places = [
            "w.toml: http.bind = \"192.0.2.1:8080\": is no address of this machine; write one",
            "w.toml: sip.listeners[1].bind = \"192.0.2.1:5060\": is no address of this machine; write one",
            "w.toml: media.addresses[1] = \"198.51.100.7\": is no address of this machine; write one",
        ];
        assert_eq!(told.len(), places.len(), "{told:#?}");
        for (told, place) in told.iter().zip(places) {
            assert!(told.starts_with(place), "{told}");
        }
    }
}
