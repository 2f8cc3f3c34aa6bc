//! Protocol Buffers, as far as ONNX needs them.
//!
//! A library decodes a message whole, in memory, and in an ONNX file the weights are part of the message. Here fields are
//! walked where they lie: of a tensor only its place is kept, and its numbers are read once, into the parameter.

use crate::hdf5::ReadSeek;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// The most fields that are looked at: a network of ten thousand nodes has about a million.
const MOST_FIELDS: usize = 1 << 24;

/// Bytes of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Span {
    /// How many bytes.
    pub(super) fn length(self) -> u64 {
        self.end - self.start
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field {
    /// A whole number.
    Whole(u64),
    /// Four bytes: an f32.
    Four([u8; 4]),
    /// Eight bytes: an f64.
    Eight([u8; 8]),
    /// A text, a message, or many numbers.
    Bytes(Span),
}

/// A file of messages.
pub(super) struct Wire {
    reader: BufReader<Box<dyn ReadSeek>>,
    at: u64,
    fields: usize,
}

impl Wire {
    /// The messages of a reader.
    pub(super) fn new(reader: Box<dyn ReadSeek>) -> Wire {
        // Where the reader stands is not known yet: the first step seeks.
        Wire { reader: BufReader::new(reader), at: u64::MAX, fields: 0 }
    }

    /// The reader.
    pub(super) fn into_inner(self) -> Box<dyn ReadSeek> {
        self.reader.into_inner()
    }

    fn seek(&mut self, to: u64) -> Result<(), String> {
        let found = match i64::try_from(i128::from(to) - i128::from(self.at)) {
            Ok(step) if self.at != u64::MAX => self.reader.seek_relative(step),
            _ => self.reader.seek(SeekFrom::Start(to)).map(|_| ()),
        };
        self.at = to;
        found.map_err(|error| format!("cannot be read: {error}"))
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        self.reader.read_exact(bytes).map_err(|error| format!("ends too early: {error}"))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn array<const N: usize>(&mut self, end: u64) -> Result<[u8; N], String> {
        if end.saturating_sub(self.at) < N as u64 {
            return Err("is damaged: a field reaches beyond its message".into());
        }
        let mut bytes = [0; N];
        self.read(&mut bytes)?;
        Ok(bytes)
    }

    /// Seven bits a byte, the lowest first.
    fn varint(&mut self, end: u64) -> Result<u64, String> {
        let mut number = 0;
        for shift in (0..70).step_by(7) {
            let [byte] = self.array(end)?;
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("is damaged: a number without an end".into())
    }

    /// Calls `each` for every field of the message at `span`, in order.
    pub(super) fn fields(
        &mut self,
        span: Span,
        mut each: impl FnMut(&mut Wire, u32, Field) -> Result<(), String>,
    ) -> Result<(), String> {
        self.seek(span.start)?;
        while self.at < span.end {
            self.fields += 1;
            if self.fields > MOST_FIELDS {
                return Err(format!("holds more than {MOST_FIELDS} fields, more than any network"));
            }
            let key = self.varint(span.end)?;
            let number = u32::try_from(key >> 3).map_err(|_| "is damaged: a field without a number")?;
            let field = match key & 7 {
                0 => Field::Whole(self.varint(span.end)?),
                1 => Field::Eight(self.array(span.end)?),
                2 => {
                    let length = self.varint(span.end)?;
                    let end = self.at.checked_add(length).filter(|end| *end <= span.end);
                    let end = end.ok_or("is damaged or cut off: a field reaches beyond its message")?;
                    Field::Bytes(Span { start: self.at, end })
                }
                5 => Field::Four(self.array(span.end)?),
                other => return Err(format!("is no ONNX model: it has a field of kind {other}")),
            };
            let behind = if let Field::Bytes(span) = field { span.end } else { self.at };
            each(self, number, field)?;
            self.seek(behind)?;
        }
        Ok(())
    }

    /// The bytes of a span, of which there may be at most so many.
    pub(super) fn bytes(&mut self, span: Span, most: u64) -> Result<Vec<u8>, String> {
        if span.length() > most {
            return Err(format!("holds {} bytes where at most {most} belong", span.length()));
        }
        self.seek(span.start)?;
        let mut bytes = vec![0; span.length() as usize];
        self.read(&mut bytes)?;
        Ok(bytes)
    }

    /// A name or another short text.
    pub(super) fn text(&mut self, field: Field) -> Result<String, String> {
        let Field::Bytes(span) = field else {
            return Err("is damaged: a number where a name belongs".into());
        };
        let bytes = self.bytes(span, 1 << 16)?;
        String::from_utf8(bytes).map_err(|_| "is damaged: a name that is no text".into())
    }

    /// Whole numbers of a repeated field, packed or one by one, added to those that came before.
    pub(super) fn wholes(&mut self, field: Field, most: usize, to: &mut Vec<i64>) -> Result<(), String> {
        match field {
            Field::Whole(number) => to.push(number as i64),
            Field::Bytes(span) => {
                self.seek(span.start)?;
                while self.at < span.end {
                    to.push(self.varint(span.end)? as i64);
                    if to.len() > most {
                        break;
                    }
                }
            }
            _ => return Err("is damaged: a fraction where a whole number belongs".into()),
        }
        if to.len() > most {
            return Err(format!("holds a list of more than {most} numbers where a short one belongs"));
        }
        Ok(())
    }
}

/// Writes a message.
#[derive(Clone, Debug, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    /// Adds a whole number.
    pub(super) fn whole(mut self, field: u32, number: i64) -> Message {
        put(&mut self.0, u64::from(field) << 3);
        put(&mut self.0, number as u64);
        self
    }

    /// Adds an f32.
    pub(super) fn fraction(mut self, field: u32, number: f32) -> Message {
        put(&mut self.0, u64::from(field) << 3 | 5);
        self.0.extend(number.to_le_bytes());
        self
    }

    /// Adds a text or a message.
    pub(super) fn bytes(mut self, field: u32, bytes: &[u8]) -> Message {
        self.0.extend(start(field, bytes.len() as u64));
        self.0.extend(bytes);
        self
    }

    /// Adds a message.
    pub(super) fn message(self, field: u32, message: Message) -> Message {
        self.bytes(field, &message.0)
    }

    /// Adds a text.
    pub(super) fn text(self, field: u32, text: &str) -> Message {
        self.bytes(field, text.as_bytes())
    }
}

/// What stands before so many bytes.
pub(super) fn start(field: u32, length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, u64::from(field) << 3 | 2);
    put(&mut bytes, length);
    bytes
}

fn put(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn walk(bytes: &[u8]) -> Result<Vec<(u32, Field)>, String> {
        let mut wire = Wire::new(Box::new(Cursor::new(bytes.to_vec())));
        let mut found = Vec::new();
        wire.fields(Span { start: 0, end: bytes.len() as u64 }, |_, number, field| {
            found.push((number, field));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let inner = Message::default().whole(1, -1).whole(2, 300);
        let message = Message::default().text(16, "name").fraction(2, 0.5).message(3, inner);
        let found = walk(&message.0).unwrap();
        assert_eq!(found[1], (2, Field::Four(0.5f32.to_le_bytes())));
        let [(16, name), _, (3, Field::Bytes(inner))] = found[..] else { panic!("{found:?}") };
        let mut wire = Wire::new(Box::new(Cursor::new(message.0)));
        assert_eq!(wire.text(name).unwrap(), "name");
        let mut numbers = Vec::new();
        wire.fields(inner, |wire, _, field| wire.wholes(field, 2, &mut numbers)).unwrap();
        assert_eq!(numbers, [-1, 300]);
    }

    #[test]
    fn damaged_messages_are_refused() {
        for bytes in [
            &b"\x0a\x05abc"[..],
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0d\x00\x00",
            b"\x09\x00",
            b"\x08",
            b"\x0b",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00",
        ] {
            assert!(walk(bytes).is_err(), "{bytes:?}");
        }
    }
}
