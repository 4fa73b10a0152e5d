//! Recordings whose process was killed: their header is set right, so that the last moment is heard too.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use webtrunk_codecs::wav::{STEREO_HEADER, stereo_header};

use super::RATE;

/// Sets the headers in a folder right; tells how many were wrong.
///
/// # Errors
/// Where the folder cannot be read. A file that cannot be is passed over.
pub(super) fn recover(folder: &Path) -> io::Result<usize> {
    let mut recovered = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "wav") && recover_file(&path).unwrap_or(false) {
            recovered += 1;
        }
    }
    Ok(recovered)
}

/// Sets a header right where it is ours and wrong.
fn recover_file(path: &Path) -> io::Result<bool> {
    // Not through a link that somebody put there.
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut header = [0; STEREO_HEADER];
    file.read_exact(&mut header)?;
    let told = u32::from_le_bytes([header[40], header[41], header[42], header[43]]);
    let frame = size_of::<super::Frame>() as u64;
    let data = (file.metadata()?.len() - STEREO_HEADER as u64) / frame * frame;
    let is_ours = header == stereo_header(RATE, told.into());
    if !is_ours || u64::from(told) >= data {
        return Ok(false);
    }
    file.set_len(STEREO_HEADER as u64 + data)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&stereo_header(RATE, data))?;
    Ok(true)
}
