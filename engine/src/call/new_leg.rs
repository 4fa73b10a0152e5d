//! Makes a leg by its specification: sockets, codecs, what to ask of its peer.

use std::sync::Arc;
use std::time::Instant;

use super::messages::{LegSpec, TransportSpec};
use crate::CallId;
use crate::leg::{FarSide, Leg, RtpTransport, codec_order, opus_wish};
use crate::net::{Reading, Shard};

/// A leg, and the sockets of its own that are to be read; `None` when there is no port for it.
pub(crate) fn new_leg(
    shard: &mut Shard,
    call: CallId,
    spec: &LegSpec,
    now: Instant,
) -> Option<(Leg, Vec<Reading>)> {
    let supplies = Arc::clone(&shard.supplies);
    let opposite = spec.opposite;
    let (codecs, far_side) = shard.with_call(call, now, |call, _, _| {
        let opposite = opposite.and_then(|opposite| call.leg(opposite));
        (codec_order(&spec.codecs, spec.transport, opposite), FarSide::of(opposite))
    })?;
    let opus_fmtp = opus_wish(far_side, &supplies.config);
    match spec.transport {
        TransportSpec::Webrtc => {
            let sockets = shard.webrtc_sockets().to_vec();
            Some((Leg::over_webrtc(spec.leg, sockets, codecs, opus_fmtp, &supplies, now), Vec::new()))
        }
        TransportSpec::Rtp { advertised, signalled_from, srtp } => {
            let (port, [rtp, rtcp], readings) = shard.bind_pair((call, spec.leg), now)?;
            let transport = RtpTransport::new(port, rtp, rtcp, signalled_from);
            let media = (advertised, srtp);
            let mut leg = Leg::over_rtp(spec.leg, transport, media, codecs, opus_fmtp, &supplies);
            leg.set_keys(spec.keys);
            Some((leg, readings))
        }
    }
}
