//! libopus' encoder by its C interface, mono.
//!
//! The crate `opus` knows no application but the three that libopus had for long, and this one cannot be asked for by
//! it: speech alone (`OPUS_APPLICATION_RESTRICTED_SILK`), without what music needs. Each of a call's encoders takes 7 KiB
//! less so. All that is unsafe in the codecs is here.
#![expect(unsafe_code, reason = "a C library; each call states why it is sound")]

use std::ffi::c_int;
use std::ptr::NonNull;

use opusic_sys as ffi;

/// What libopus answers where it does not do what it was asked for: one of its negative codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused(c_int);

/// An encoder of libopus.
#[derive(Debug)]
pub(super) struct Library {
    /// Ours alone from `opus_encoder_create` to the drop.
    state: NonNull<ffi::OpusEncoder>,
}

/// What can be set, each a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    BitrateBps,
    Complexity,
    InbandFec,
    ExpectedLossPercent,
    Dtx,
    VariableBitrate,
    MaxBandwidth,
}

// SAFETY: libopus keeps nothing of an encoder in the thread that made it.
unsafe impl Send for Library {}

impl Library {
    /// An encoder for samples at `rate_hz`, by one of `OPUS_APPLICATION_*`.
    pub(super) fn new(rate_hz: u32, application: c_int) -> Result<Self, Refused> {
        let mut error = ffi::OPUS_OK;
        // SAFETY: takes numbers of any value, and a place for its error that outlives the call.
        let state =
            unsafe { ffi::opus_encoder_create(rate_hz.cast_signed(), 1, application, &raw mut error) };
        NonNull::new(state).map(|state| Self { state }).ok_or(Refused(error))
    }

    /// Encodes one frame; returns the length of its packet.
    pub(super) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, Refused> {
        let samples = c_int::try_from(pcm.len()).map_err(|_| Refused(ffi::OPUS_BAD_ARG))?;
        let room = i32::try_from(out.len()).unwrap_or(i32::MAX);
        // SAFETY: the state is ours; it reads `samples` of one channel and writes `room` octets at most.
        let length =
            unsafe { ffi::opus_encode(self.state.as_ptr(), pcm.as_ptr(), samples, out.as_mut_ptr(), room) };
        usize::try_from(length).map_err(|_| Refused(length))
    }

    pub(super) fn set(&mut self, setting: Setting, value: i32) -> Result<(), Refused> {
        // SAFETY: the state is ours, and each of these requests takes one `opus_int32`.
        accepted(unsafe { ffi::opus_encoder_ctl(self.state.as_ptr(), setting.request(), value) })
    }

    /// Samples that the decoder's sound is late by.
    pub(super) fn look_ahead(&mut self) -> Result<u32, Refused> {
        self.ask(ffi::OPUS_GET_LOOKAHEAD_REQUEST).map(i32::unsigned_abs)
    }

    #[cfg(test)]
    pub(super) fn get(&mut self, setting: Setting) -> Option<i32> {
        // The request to get stands behind the one to set.
        self.ask(setting.request() + 1).ok()
    }

    fn ask(&mut self, request: c_int) -> Result<i32, Refused> {
        let mut value = 0_i32;
        // SAFETY: the state is ours, and each request that is asked here writes one `opus_int32`.
        accepted(unsafe { ffi::opus_encoder_ctl(self.state.as_ptr(), request, &raw mut value) })?;
        Ok(value)
    }
}

impl Refused {
    /// The packet would not fit.
    pub(super) const fn is_for_room(self) -> bool {
        self.0 == ffi::OPUS_BUFFER_TOO_SMALL
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: the state is ours, and nobody has it any more.
        unsafe { ffi::opus_encoder_destroy(self.state.as_ptr()) }
    }
}

impl Setting {
    const fn request(self) -> c_int {
        match self {
            Self::BitrateBps => ffi::OPUS_SET_BITRATE_REQUEST,
            Self::Complexity => ffi::OPUS_SET_COMPLEXITY_REQUEST,
            Self::InbandFec => ffi::OPUS_SET_INBAND_FEC_REQUEST,
            Self::ExpectedLossPercent => ffi::OPUS_SET_PACKET_LOSS_PERC_REQUEST,
            Self::Dtx => ffi::OPUS_SET_DTX_REQUEST,
            Self::VariableBitrate => ffi::OPUS_SET_VBR_REQUEST,
            Self::MaxBandwidth => ffi::OPUS_SET_MAX_BANDWIDTH_REQUEST,
        }
    }
}

fn accepted(code: c_int) -> Result<(), Refused> {
    if code == ffi::OPUS_OK { Ok(()) } else { Err(Refused(code)) }
}
