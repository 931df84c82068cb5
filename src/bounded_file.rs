//! Reads files from outside: only regular ones, up to a given number of bytes.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::OFlags;

/// Opens a regular file for reading. A folder, a pipe or a device is refused: a pipe would keep its reader waiting for
/// a writer, a device may never end.
///
/// # Errors
/// What the file system reports, or that it is another kind of file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// For files that this process writes in place: refuses a symbolic link at their path, which may lead to a user's own
/// file.
pub fn without_links(options: &mut OpenOptions) -> &mut OpenOptions {
    options.custom_flags((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed())
}

/// The bytes of a regular file that has at most `most`.
///
/// # Errors
/// As [`open_regular`], and a larger file, of which no more than `most` bytes are kept in memory.
pub fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_to_end(open_regular(path)?, most)
}

/// The text of a regular file that has at most `most` bytes.
///
/// # Errors
/// As [`read_bounded`], and bytes that are not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    text(read_bounded(path, most)?)
}

/// The text of whatever `file` is, pipes included, if it has at most `most` bytes.
///
/// # Errors
/// What the file system reports, more bytes, or bytes that are not UTF-8.
pub fn read_text_from(file: File, most: u64) -> io::Result<String> {
    text(read_to_end(file, most)?)
}

/// Reads the next line, its end included, into `line`, which is emptied first. A line without a line end is the file's
/// torn last line.
///
/// # Errors
/// What the file system reports, or a line of more than `most` bytes.
pub fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>, most: u64) -> io::Result<()> {
    line.clear();
    reader.take(most).read_until(b'\n', line)?;
    if line.len() as u64 == most && line.last() != Some(&b'\n') {
        let message = format!("a line is longer than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(())
}

fn read_to_end(file: File, most: u64) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {most} bytes"));
    if file.metadata()?.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // It may grow while it is read, and a pipe has no length.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        Err(too_large())
    } else {
        Ok(bytes)
    }
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Cursor};

    use super::*;

    #[test]
    fn large_and_irregular_files_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_text(&path, 5).unwrap(), "12345");
        assert!(
            read_bounded(&path, 4)
                .unwrap_err()
                .to_string()
                .contains("larger than 4")
        );
        fs::write(&path, [0xFF]).unwrap();
        assert!(read_text(&path, 5).unwrap_err().to_string().contains("UTF-8"));
        let pipe = folder.path().join("pipe");
        crate::hostile::make_pipe(&pipe);
        for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
            let error = read_bounded(path, 5).unwrap_err();
            assert!(error.to_string().contains("not a regular file"), "{error}");
        }
        assert!(read_text_from(File::open("/dev/zero").unwrap(), 5).is_err());
    }

    #[test]
    fn lines_are_read_up_to_their_bound() {
        let mut reader = Cursor::new(b"ab\nabc\nabcd\n");
        let mut line = Vec::new();
        for expected in ["ab\n", "abc\n"] {
            read_line(&mut reader, &mut line, 4).unwrap();
            assert_eq!(line, expected.as_bytes());
        }
        assert!(read_line(&mut reader, &mut line, 4).is_err());
        let mut torn = Cursor::new(b"ab");
        read_line(&mut torn, &mut line, 4).unwrap();
        assert_eq!(line, b"ab");
    }
}
