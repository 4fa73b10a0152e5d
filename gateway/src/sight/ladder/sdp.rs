//! What a description says, in a few words: codecs, how media is secured, which way it flows.

/// How many codecs are named. Chosen by us: the others are hardly ever taken.
const CODECS_MAX: usize = 4;

/// Payload types that need no `rtpmap` (RFC 3551 6).
const STATIC: [(&str, &str); 5] = [("0", "PCMU"), ("3", "GSM"), ("8", "PCMA"), ("9", "G722"), ("18", "G729")];

/// What is no codec by which one would tell an offer from another.
const COMPANIONS: [&str; 4] = ["telephone-event", "CN", "red", "rtx"];

/// `opus,PCMU DTLS`, `PCMA sendonly`; `None` for a text without a description. Media other than audio are named.
pub(super) fn in_short(body: &str) -> Option<String> {
    let mut session_direction = None;
    let mut media: Vec<Media<'_>> = Vec::new();
    for line in body.lines().map(str::trim_end) {
        if let Some(value) = line.strip_prefix("m=") {
            media.push(Media::new(value)?);
        } else if let Some(attribute) = line.strip_prefix("a=") {
            match media.last_mut() {
                Some(media) => media.take(attribute),
                None if is_direction(attribute) => session_direction = Some(attribute),
                None => {}
            }
        }
    }
    let told: Vec<_> = media.iter().map(|media| media.in_short(session_direction)).collect();
    (!told.is_empty()).then(|| told.join(" + "))
}

struct Media<'t> {
    kind: &'t str,
    is_refused: bool,
    protocol: &'t str,
    formats: Vec<&'t str>,
    names: Vec<(&'t str, &'t str)>,
    direction: Option<&'t str>,
}

impl<'t> Media<'t> {
    fn new(value: &'t str) -> Option<Self> {
        let mut words = value.split(' ').filter(|word| !word.is_empty());
        let (kind, port, protocol) = (words.next()?, words.next()?, words.next()?);
        let (is_refused, formats) = (port == "0", words.collect());
        Some(Self { kind, is_refused, protocol, formats, names: Vec::new(), direction: None })
    }

    fn take(&mut self, attribute: &'t str) {
        if let Some((payload_type, name)) =
            attribute.strip_prefix("rtpmap:").and_then(|map| map.split_once(' '))
        {
            self.names.push((payload_type, name.split('/').next().unwrap_or(name)));
        } else if is_direction(attribute) {
            self.direction = Some(attribute);
        }
    }

    fn in_short(&self, session_direction: Option<&str>) -> String {
        let mut told = Vec::new();
        if self.kind != "audio" {
            told.push(self.kind.to_owned());
        }
        if self.is_refused {
            told.push("refused".to_owned());
            return told.join(" ");
        }
        let mut codecs: Vec<&str> = Vec::new();
        for name in self.formats.iter().filter_map(|format| self.name_of(format)) {
            if !codecs.contains(&name) && !COMPANIONS.iter().any(|one| one.eq_ignore_ascii_case(name)) {
                codecs.push(name);
            }
        }
        if !codecs.is_empty() {
            let more = codecs.len().saturating_sub(CODECS_MAX);
            codecs.truncate(CODECS_MAX);
            told.push(codecs.join(",") + &if more > 0 { format!("+{more}") } else { String::new() });
        }
        if self.protocol.contains("TLS/RTP") {
            told.push("DTLS".to_owned());
        } else if self.protocol.contains("SAVP") {
            told.push("SRTP".to_owned());
        }
        let direction = self.direction.or(session_direction).filter(|direction| *direction != "sendrecv");
        told.extend(direction.map(str::to_owned));
        told.join(" ")
    }

    fn name_of(&self, format: &str) -> Option<&'t str> {
        let mapped =
            self.names.iter().find(|(payload_type, _)| *payload_type == format).map(|(_, name)| *name);
        mapped.or_else(|| STATIC.iter().find(|(known, _)| *known == format).map(|(_, name)| *name))
    }
}

fn is_direction(attribute: &str) -> bool {
    ["sendrecv", "sendonly", "recvonly", "inactive"].contains(&attribute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_told_in_a_few_words() {
        let browser = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 9 0 8 13 126\r\na=rtpmap:111 opus/48000/2\r\n\
                       a=rtpmap:9 G722/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:126 telephone-event/8000\r\na=sendrecv\r\n";
        let held = "v=0\r\na=sendonly\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
        let video =
            "m=audio 4000 RTP/SAVP 8\r\na=inactive\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n";
        let many = "m=audio 1 RTP/AVP 0 8 9 18 3 96\r\na=rtpmap:96 iLBC/8000\r\n";
        for (body, expected) in [
            (browser, Some("opus,G722,PCMU,PCMA DTLS")),
            (held, Some("PCMU sendonly")),
            (video, Some("PCMA SRTP inactive + video refused")),
            (many, Some("PCMU,PCMA,G722,G729+2")),
            ("Signal=*", None),
            ("m=\r\n", None),
            ("", None),
        ] {
            assert_eq!(in_short(body).as_deref(), expected, "{body}");
        }
    }
}
