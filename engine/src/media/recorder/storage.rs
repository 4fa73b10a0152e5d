//! Where a recording is written: a file, or what a test puts in its place.

use std::fs::File;
use std::io::{self, Seek, Write};

/// What a recording is written to.
pub(super) trait Storage: Write + Seek {
    /// Ends it after so many bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Storage for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}
