//! The bytes of a pickle, of which there are only so many.

use std::io::Read;
use std::sync::Arc;

/// The largest pickle: names, shapes and settings, no numbers of tensors.
const LARGEST: u64 = 16 << 20;

/// The bytes of a pickle, counted.
pub(super) struct Input<'a> {
    reader: &'a mut dyn Read,
    left: u64,
}

impl<'a> Input<'a> {
    /// At most [`LARGEST`] bytes of a reader.
    pub(super) fn new(reader: &'a mut dyn Read) -> Input<'a> {
        Input { reader, left: LARGEST }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.left = self.left.checked_sub(N as u64).ok_or("its pickle is longer than any state dict's")?;
        self.reader.read_exact(&mut bytes).map_err(|error| format!("its pickle ends too early: {error}"))?;
        Ok(bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, String> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn bytes(&mut self, count: u64) -> Result<Vec<u8>, String> {
        self.left = self.left.checked_sub(count).ok_or("its pickle is longer than any state dict's")?;
        let mut bytes = Vec::new();
        let found = self.reader.take(count).read_to_end(&mut bytes);
        found.map_err(|error| format!("its pickle cannot be read: {error}"))?;
        if bytes.len() as u64 != count {
            return Err("its pickle ends too early".into());
        }
        Ok(bytes)
    }

    pub(super) fn text(&mut self, count: u64) -> Result<Arc<str>, String> {
        // Python 2 wrote bytes where text was meant.
        Ok(String::from_utf8_lossy(&self.bytes(count)?).into())
    }

    /// A text up to the end of the line, which is not long.
    pub(super) fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
                _ if line.len() == 1024 => return Err("its pickle has a name without an end".into()),
                byte => line.push(byte),
            }
        }
    }
}
