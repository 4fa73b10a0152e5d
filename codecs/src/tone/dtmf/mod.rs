//! Keys heard in sound: a window of 20 ms, moved on by 5 ms, is asked whether it holds the two tones of a
//! key and nothing else; how long it answers the same decides what was pressed.

mod analysis;
mod detector;

pub use detector::{DtmfDetector, DtmfEvent};
