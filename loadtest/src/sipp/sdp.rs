//! A description of media in a message, as far as agents of ours can have one like it.

/// Static payload types (RFC 3551 6), and what scenarios of ours call them.
const STATIC: &[(&str, &str)] = &[("0", "pcmu"), ("8", "pcma"), ("9", "g722")];
/// Static ones that nobody here speaks.
const STRANGE: &[(&str, &str)] = &[("3", "GSM"), ("4", "G723"), ("15", "G728"), ("18", "G729")];
/// What stands beside audio in its stream.
const BESIDE: [&str; 3] = ["telephone-event", "cn", "red"];
/// Names of SRTP's profiles (RFC 4568 6.2, RFC 7714 14.2), and what scenarios of ours call them.
const SUITES: &[(&str, &str)] =
    &[("AES_CM_128_HMAC_SHA1_80", "cm128"), ("AEAD_AES_128_GCM", "gcm128"), ("AEAD_AES_256_GCM", "gcm256")];

/// What SIPp writes a suite as that it has keys for itself: its name follows with a number and the medium.
const OWN_SUITE: (&str, &str) = ("[cryptosuiteaescm128sha180", "cm128");

/// A description of audio.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sdp {
    /// Codecs, best first, by the words of our scenarios.
    pub(super) codecs: Vec<&'static str>,
    /// Those that nobody here speaks.
    pub(super) strange: Vec<String>,
    /// The SRTP profile of its first key that is known here.
    pub(super) profile: Option<&'static str>,
    /// It has keys, and none of a profile that is known here.
    pub(super) has_strange_keys: bool,
    /// Other media.
    pub(super) others: Vec<String>,
    /// Whoever is told it is on hold.
    pub(super) is_hold: bool,
}

impl Sdp {
    /// Reads the lines of a body; `None` where they have no audio.
    pub(super) fn parse(lines: &[String]) -> Option<Self> {
        let media = lines.iter().find_map(|line| line.strip_prefix("m=audio "))?;
        let mut sdp = Self::default();
        // A port, a protocol, and then payload types.
        for payload_type in media.split_whitespace().skip(2) {
            sdp.add(payload_type, lines);
        }
        for crypto in lines.iter().filter_map(|line| line.strip_prefix("a=crypto:")) {
            let suite = crypto.split_whitespace().nth(1).unwrap_or_default();
            let named = SUITES.iter().find(|(name, _)| *name == suite);
            let known = named.or(Some(&OWN_SUITE).filter(|(own, _)| suite.starts_with(own)));
            let known = known.map(|(_, word)| *word);
            sdp.profile = sdp.profile.or(known);
            sdp.has_strange_keys = sdp.profile.is_none();
        }
        let others = lines.iter().filter_map(|line| line.strip_prefix("m="));
        let kinds = others.filter_map(|media| media.split_whitespace().next());
        sdp.others = kinds.filter(|kind| *kind != "audio").map(str::to_owned).collect();
        let holds = |line: &String| {
            ["a=sendonly", "a=inactive"].contains(&line.as_str())
                || (line.starts_with("c=") && line.ends_with(" 0.0.0.0"))
        };
        sdp.is_hold = lines.iter().any(holds);
        Some(sdp)
    }

    fn add(&mut self, payload_type: &str, lines: &[String]) {
        let prefix = format!("a=rtpmap:{payload_type} ");
        let mapped = lines.iter().find_map(|line| line.strip_prefix(&prefix)).map(str::trim);
        let fixed = |table: &[(&str, &'static str)]| {
            table.iter().find(|(number, _)| *number == payload_type).map(|(_, word)| *word)
        };
        match mapped {
            Some(mapped) => match codec(mapped) {
                Some(codec) => self.codecs.push(codec),
                None if is_beside(mapped) => {}
                None => self.strange.push(mapped.to_owned()),
            },
            None => match fixed(STATIC) {
                Some(codec) => self.codecs.push(codec),
                None => self.strange.extend(fixed(STRANGE).map(str::to_owned)),
            },
        }
    }
}

/// What scenarios of ours call a codec, by its `rtpmap`.
fn codec(mapped: &str) -> Option<&'static str> {
    let known = [
        ("pcmu/8000", "pcmu"),
        ("pcma/8000", "pcma"),
        ("g722/8000", "g722"),
        ("opus/48000", "opus"),
        ("l16/16000", "l16"),
    ];
    let mapped = mapped.to_lowercase();
    known.iter().find(|(name, _)| mapped.starts_with(name)).map(|(_, word)| *word)
}

fn is_beside(mapped: &str) -> bool {
    let name = mapped.split('/').next().unwrap_or_default().to_lowercase();
    BESIDE.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Sdp> {
        Sdp::parse(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn codecs_keys_and_other_media_are_told_apart() {
        let sdp = parse(
            "v=0\nm=audio [media_port] RTP/SAVP 8 18 111 101 97\na=rtpmap:111 opus/48000/2\n\
             a=rtpmap:101 telephone-event/8000\na=rtpmap:97 iLBC/8000\n\
             a=crypto:1 AES_CM_256_HMAC_SHA1_80 inline:x\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:x\n\
             m=video 0 RTP/AVP 31",
        )
        .expect("audio");
        assert_eq!(
            (sdp.codecs, sdp.strange),
            (vec!["pcma", "opus"], vec!["G729".to_owned(), "iLBC/8000".into()])
        );
        assert_eq!((sdp.profile, sdp.has_strange_keys), (Some("cm128"), false));
        assert_eq!((sdp.others, sdp.is_hold), (vec!["video".to_owned()], false));
        for (suite, profile) in [("aescm128sha1801audio", Some("cm128")), ("aescm128sha1321audio", None)] {
            let keys =
                format!("a=crypto:[cryptotag1audio] [cryptosuite{suite}] inline:[cryptokeyparams1audio]");
            let sdp = parse(&format!("m=audio 1 RTP/SAVP 0\n{keys}")).expect("audio");
            assert_eq!((sdp.profile, sdp.has_strange_keys), (profile, profile.is_none()), "{suite}");
        }
        assert_eq!(parse("v=0\nm=image 0 udptl t38"), None);
    }

    #[test]
    fn a_hold_is_told_by_direction_or_by_no_address() {
        for (line, expected) in
            [("a=sendonly", true), ("a=inactive", true), ("a=sendrecv", false), ("c=IN IP4 0.0.0.0", true)]
        {
            let sdp = parse(&format!("v=0\nm=audio 1 RTP/AVP 0\n{line}")).expect("audio");
            assert_eq!(sdp.is_hold, expected, "{line}");
        }
    }
}
