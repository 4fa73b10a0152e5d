//! Changes of sample rate: [`Resampler`] for a stream on the packet path, [`resample`] for a whole
//! clip off it.

mod stream;
mod whole;

pub use stream::Resampler;
pub use whole::resample;
