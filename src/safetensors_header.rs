//! The header of safetensors files, read within a bound: it is taken into memory as a whole.

use std::{
    fs::File,
    io::{self, Read, Seek},
};

use safetensors::tensor::Metadata;

/// Files of a hundred thousand tensors have shorter ones; the format itself allows 100 MB.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// Checks the length that the file's header claims. A file that is too short for a header is left to the reader to
/// refuse.
///
/// # Errors
/// What the file system reports; `InvalidData` with a sentence for a header above the bound.
pub fn check_header(mut file: &File) -> io::Result<()> {
    file.rewind()?;
    match header_bytes(file) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        other => other.map(drop),
    }
}

/// The file's header, and where its tensors' bytes begin; they are known to be there.
///
/// # Errors
/// What the file system reports; `InvalidData` or `UnexpectedEof` for a file that is damaged or cut short.
pub fn read_header(mut file: &File) -> io::Result<(Metadata, u64)> {
    file.rewind()?;
    let length = header_bytes(file)?;
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header)?;
    if header.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // The words may quote names from the file.
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|error| invalid(error.to_string().escape_debug().to_string()))?;
    let begin = 8 + length;
    let (wanted, found) = ((metadata.data_len() as u64).checked_add(begin), file.metadata()?.len());
    if wanted != Some(found) {
        return Err(invalid(format!(
            "its length of {found} bytes is not what its header says"
        )));
    }
    Ok((metadata, begin))
}

fn header_bytes(mut file: &File) -> io::Result<u64> {
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        return Err(invalid(format!(
            "its header claims {length} bytes, and at most {MAX_HEADER_BYTES} are read"
        )));
    }
    Ok(length)
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
