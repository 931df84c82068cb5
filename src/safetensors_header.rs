//! A bound on the header of safetensors files, which their readers take into memory as a whole.

use std::{
    fs::File,
    io::{self, Read, Seek},
};

/// Files of a hundred thousand tensors have shorter ones; the format itself allows 100 MB.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// Reads how long the file's header says it is. A file that is too short to say is the reader's to refuse.
///
/// # Errors
/// What the file system reports; `InvalidData` with a sentence for a header above the bound.
pub fn check_header(mut file: &File) -> io::Result<()> {
    let mut length = [0; 8];
    file.rewind()?;
    match file.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
        other => other?,
    }
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        let message = format!("its header claims {length} bytes, and at most {MAX_HEADER_BYTES} are read");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(())
}
