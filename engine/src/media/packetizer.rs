//! Cuts a stream of samples into frames of one ptime.

/// Longest frame: 60 ms at 48 kHz.
const FRAME_MAX: usize = 2880;

/// Collects samples until a frame is full.
#[derive(Debug)]
pub struct Packetizer {
    /// Room for one frame, of which `length` samples are there.
    pending: Box<[i16]>,
    length: usize,
}

impl Packetizer {
    /// Cuts frames of `frame` samples, at most 60 ms at 48 kHz.
    #[must_use]
    pub fn new(frame: usize) -> Self {
        Self { pending: vec![0; frame.clamp(1, FRAME_MAX)].into_boxed_slice(), length: 0 }
    }

    /// Takes samples and hands every frame that became full to `emit`.
    pub fn push(&mut self, mut samples: &[i16], mut emit: impl FnMut(&[i16])) {
        if self.length == 0 {
            while samples.len() >= self.pending.len() {
                let (frame, rest) = samples.split_at(self.pending.len());
                emit(frame);
                samples = rest;
            }
        }
        while !samples.is_empty() {
            let taken = samples.len().min(self.pending.len() - self.length);
            self.pending[self.length..self.length + taken].copy_from_slice(&samples[..taken]);
            self.length += taken;
            samples = &samples[taken..];
            if self.length == self.pending.len() {
                emit(&self.pending);
                self.length = 0;
            }
        }
    }

    /// How many samples the frame lacks that was begun; none where none was.
    #[must_use]
    pub fn lacking(&self) -> usize {
        if self.length == 0 { 0 } else { self.pending.len() - self.length }
    }

    /// Lets `samples` of time pass without sound: what was begun is filled up with silence. Returns
    /// how much of the time is left when no frame is begun any more.
    pub fn skip(&mut self, samples: usize, mut emit: impl FnMut(&[i16])) -> usize {
        if self.length == 0 {
            return samples;
        }
        let taken = samples.min(self.pending.len() - self.length);
        self.pending[self.length..self.length + taken].fill(0);
        self.length += taken;
        if self.length == self.pending.len() {
            emit(&self.pending);
            self.length = 0;
        }
        samples - taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_and_in_order() {
        let mut packetizer = Packetizer::new(4);
        let mut heard = Vec::new();
        for chunk in [&[1, 2, 3][..], &[4, 5][..], &[6, 7, 8, 9, 10][..]] {
            packetizer.push(chunk, |frame| heard.push(frame.to_vec()));
        }
        assert_eq!(heard, [[1, 2, 3, 4], [5, 6, 7, 8]]);
    }

    #[test]
    fn a_pause_fills_up_the_frame_that_was_begun() {
        let mut packetizer = Packetizer::new(4);
        let mut heard = Vec::new();
        packetizer.push(&[1, 2], |frame| heard.push(frame.to_vec()));
        assert_eq!(packetizer.skip(10, |frame| heard.push(frame.to_vec())), 8);
        assert_eq!(heard, [[1, 2, 0, 0]]);
        assert_eq!(packetizer.skip(3, |_| ()), 3);
    }
}
