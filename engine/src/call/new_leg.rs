//! Makes a leg by its specification: sockets, codecs, what to ask of its peer.

use std::sync::Arc;
use std::time::Instant;

use webtrunk_codecs::CodecId;

use super::messages::{LegSpec, TransportSpec};
use super::state::Call;
use crate::CallId;
use crate::config::EngineConfig;
use crate::leg::{FarSide, Leg, RtpTransport, codec_order, opus_wish};
use crate::net::{Reading, Shard};
use crate::sdp::OpusParameters;

/// A leg, and the sockets of its own that are to be read; `None` when there is no port for it.
pub(crate) fn new_leg(
    shard: &mut Shard,
    call: CallId,
    spec: &LegSpec,
    now: Instant,
) -> Option<(Leg, Vec<Reading>)> {
    let supplies = Arc::clone(&shard.supplies);
    let (codecs, opus_fmtp) =
        shard.with_call(call, now, |call, _, _| wishes(call, spec, &supplies.config))?;
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

/// The codecs of a leg in its order, and what its peer is asked for where it sends Opus: both by who is at the other end.
pub(super) fn wishes(call: &Call, spec: &LegSpec, config: &EngineConfig) -> (Vec<CodecId>, OpusParameters) {
    let opposite = spec.opposite.and_then(|opposite| call.leg(opposite));
    (codec_order(&spec.codecs, spec.transport, opposite), opus_wish(FarSide::of(opposite), config))
}
