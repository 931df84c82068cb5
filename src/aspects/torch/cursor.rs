//! Bytes of a pickle, read from front to back.

use super::object::PickleFault;

/// A read position in the bytes. Reading past the end gives [`PickleFault::Truncated`].
#[derive(Default)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn position(&self) -> usize {
        self.at
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8], PickleFault> {
        let end = self.at.checked_add(length).ok_or(PickleFault::Truncated)?;
        let taken = self.bytes.get(self.at..end).ok_or(PickleFault::Truncated)?;
        self.at = end;
        Ok(taken)
    }

    pub fn byte(&mut self) -> Result<u8, PickleFault> {
        self.take(1)?.first().copied().ok_or(PickleFault::Truncated)
    }

    /// A little-endian number of at most 8 bytes.
    pub fn unsigned(&mut self, length: u8) -> Result<u64, PickleFault> {
        let mut bytes = [0; 8];
        for (to, from) in bytes.iter_mut().zip(self.take(length.into())?) {
            *to = *from;
        }
        Ok(u64::from_le_bytes(bytes))
    }

    /// Length-prefixed text, whose length field takes `length_bytes`.
    pub fn text(&mut self, length_bytes: u8) -> Result<String, PickleFault> {
        let length = self.unsigned(length_bytes)?;
        let length = usize::try_from(length).map_err(|_| PickleFault::Truncated)?;
        utf8(self.take(length)?)
    }

    /// Text up to the end of the line; the line break is skipped.
    pub fn line(&mut self) -> Result<String, PickleFault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .ok_or(PickleFault::Truncated)?;
        let line = utf8(self.take(length)?)?;
        self.take(1)?;
        Ok(line)
    }
}

fn utf8(bytes: &[u8]) -> Result<String, PickleFault> {
    String::from_utf8(bytes.to_vec()).map_err(|_| PickleFault::Malformed("text that is not UTF-8"))
}
