//! Whose fault it was.

/// A frame could not be encoded; the encoder's state is as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The codec has no frame of this many samples.
    #[error("no frame of {samples} samples in this codec")]
    FrameLength {
        /// What was asked.
        samples: usize,
    },
    /// The payload would not fit.
    #[error("output buffer too small for the payload")]
    OutputTooSmall,
}

/// A payload could not be decoded; the decoder's state is as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The payload is not of this codec.
    #[error("malformed payload")]
    Malformed,
    /// The samples would not fit.
    #[error("output buffer too small for the samples")]
    OutputTooSmall,
}

/// A codec could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The codec does not work at this sample rate.
    #[error("the codec has no sample rate of {hz} Hz")]
    SampleRate {
        /// What was asked.
        hz: u32,
    },
    /// The codec's library refused its state.
    #[error("the codec library could not make its state")]
    Library,
}
