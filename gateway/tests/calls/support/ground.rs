//! What a browser's media is built on, which nothing that happens to the other leg may change: credentials of
//! ICE, fingerprints, the role in DTLS, SSRCs both ways, and one unbroken sequence.

use serde_json::Value;

use super::page::Page;

/// What is in use between the page and the gateway.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ground {
    /// `a=ice-ufrag` and `a=fingerprint` of the page and the gateway.
    lines: Vec<String>,
    dtls_role: Value,
    ssrcs: [Value; 2],
}

/// How many packets may be missing in all. A sequence that begins anew would miss thousands.
const LOST_MAX: i64 = 25;

impl Ground {
    pub(crate) fn of(page: &Page) -> Self {
        let descriptions = page.descriptions();
        let names = ["a=ice-ufrag:", "a=fingerprint:"];
        let is_ground = |line: &&str| names.iter().any(|name| line.starts_with(name));
        let lines = descriptions.iter().flat_map(|text| text.lines()).filter(is_ground);
        let lines: Vec<_> = lines.map(|line| line.trim_end().to_owned()).collect();
        let mut transport = page.report("transport");
        let ssrcs = ["outbound-rtp", "inbound-rtp"].map(|stream| page.report(stream)["ssrc"].take());
        let ground = Self { lines, dtls_role: transport["dtlsRole"].take(), ssrcs };
        assert!(ground.lines.len() >= 4 && ground.ssrcs.iter().all(Value::is_u64), "{ground:?}");
        assert!(matches!(ground.dtls_role.as_str(), Some("client" | "server")), "{ground:?}");
        ground
    }

    /// Asserts that all is as it was, and that the page misses next to nothing of what was sent to it.
    pub(crate) fn assert_stays(&self, page: &Page) {
        assert_eq!(&Self::of(page), self);
        let heard = page.report("inbound-rtp");
        assert!(heard["packetsLost"].as_i64().expect("a count") <= LOST_MAX, "{heard}");
    }
}
