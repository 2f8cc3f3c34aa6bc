//! `.npy`: one array of NumPy. A short text tells type, order and shape, then come the numbers.
//!
//! The text is a Python dictionary with three known keys. It is read by hand: a general parser of Python's literals
//! follows brackets as deep as a file wants.

use crate::error::{Error, Result};
use crate::number::NumberType;
use crate::regions::copy;
use crate::stored::size;
use crate::target::{Filling, Target, plain};
use convnet_tensor::{MAX_AXES, Shape, Tensor};
use std::io::{BufReader, Read, Write};
use std::path::Path;

/// The longest header; that of an array with 32 axes takes less than 1 KiB.
const LONGEST_HEADER: usize = 1 << 16;

/// The most axes, as in NumPy.
const MOST_AXES: usize = 64;

/// The largest array that is read by itself: 4 GiB as f32.
const LARGEST_ARRAY: usize = 1 << 30;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// What a file says of its array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) shape: Vec<usize>,
    pub(crate) numbers: NumberType,
    pub(crate) big_endian: bool,
    /// Whether the first axis is the fastest.
    pub(crate) fortran: bool,
    /// Bytes before the numbers.
    pub(crate) length: u64,
}

impl Header {
    /// Reads the header; the reader stands at the first number then.
    pub(crate) fn read(reader: &mut impl Read) -> Result<Header, String> {
        let cut_off = |error: std::io::Error| format!("its header cannot be read: {error}");
        let mut first = [0; 8];
        reader.read_exact(&mut first).map_err(cut_off)?;
        let [magic @ .., major, _minor] = first;
        if magic != *MAGIC {
            return Err("is no NumPy array: it does not begin with `\\x93NUMPY`".into());
        }
        let mut length = [0; 4];
        let size = match major {
            1 => 2,
            2 | 3 => 4,
            other => return Err(format!("is of version {other} of the format; 1, 2 and 3 are read")),
        };
        reader.read_exact(&mut length[..size]).map_err(cut_off)?;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST_HEADER {
            return Err(format!("its header of {length} bytes is longer than any array needs"));
        }
        let mut text = vec![0; length];
        reader.read_exact(&mut text).map_err(cut_off)?;
        let text = std::str::from_utf8(&text).map_err(|_| "its header is no text")?;
        let mut header = Literal { rest: text }.header().ok_or_else(|| {
            format!("its header is not NumPy's: {}", text.chars().take(80).collect::<String>())
        })?;
        header.length = (first.len() + size + length) as u64;
        Ok(header)
    }

    /// How many bytes header and numbers take; `None` for more than any file holds.
    pub(crate) fn whole(&self) -> Option<u64> {
        let bytes = u64::try_from(size(&self.shape)?).ok()?.checked_mul(self.numbers.bytes() as u64)?;
        bytes.checked_add(self.length)
    }

    /// Copies all numbers from a reader that stands at the first.
    pub(crate) fn copy(&self, reader: &mut impl Read, to: Target<'_>) -> Result<(), String> {
        let count = to.len();
        let mut filling: Filling<'_> = if self.fortran {
            to.by(&(0..self.shape.len()).rev().collect::<Vec<_>>())
        } else {
            to.in_order()
        };
        copy(reader, self.numbers, self.big_endian, count, &mut filling)
    }
}

/// The text of a header that is not yet read.
struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    fn header(&mut self) -> Option<Header> {
        let (mut shape, mut numbers, mut fortran) = (None, None, None);
        self.token("{")?;
        while self.token("}").is_none() {
            let key = self.string()?;
            self.token(":")?;
            let twice = match key {
                "descr" => numbers.replace(self.descr()?).is_some(),
                "fortran_order" => fortran.replace(self.flag()?).is_some(),
                "shape" => shape.replace(self.shape()?).is_some(),
                _ => true,
            };
            if twice || (self.token(",").is_none() && !self.rest.trim_start().starts_with('}')) {
                return None;
            }
        }
        if !self.rest.trim().is_empty() {
            return None;
        }
        let (numbers, big_endian) = numbers?;
        Some(Header { shape: shape?, numbers, big_endian, fortran: fortran?, length: 0 })
    }

    fn token(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start();
        let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (string, rest) = text[1..].split_once(quote)?;
        self.rest = rest;
        Some(string)
    }

    fn flag(&mut self) -> Option<bool> {
        self.token("True").map(|()| true).or_else(|| self.token("False").map(|()| false))
    }

    /// The type of numbers: `<f4` and the like. A list of fields is a record, which is no weight.
    fn descr(&mut self) -> Option<(NumberType, bool)> {
        let text = self.string()?;
        let (order, kind) = text.split_at_checked(1)?;
        let numbers = match kind {
            "f2" => NumberType::F16,
            "f4" => NumberType::F32,
            "f8" => NumberType::F64,
            "i1" => NumberType::I8,
            "i2" => NumberType::I16,
            "i4" => NumberType::I32,
            "i8" => NumberType::I64,
            "u1" => NumberType::U8,
            "u2" => NumberType::U16,
            "u4" => NumberType::U32,
            "u8" => NumberType::U64,
            "b1" => NumberType::Bool,
            _ => NumberType::Other,
        };
        matches!(order, "<" | ">" | "|" | "=").then_some((numbers, order == ">"))
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        let mut shape = Vec::new();
        self.token("(")?;
        while self.token(")").is_none() {
            let text = self.rest.trim_start();
            let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
            shape.push(text[..end].parse().ok()?);
            // Python 2 marked long numbers.
            self.rest = text[end..].strip_prefix('L').unwrap_or(&text[end..]);
            if shape.len() > MOST_AXES
                || (self.token(",").is_none() && !self.rest.trim_start().starts_with(')'))
            {
                return None;
            }
        }
        Some(shape)
    }
}

/// The header of an f32 array in C order, padded so that the numbers begin at a multiple of 64 bytes.
pub(crate) fn header(shape: &[usize]) -> Vec<u8> {
    let mut extents = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    if shape.len() == 1 {
        extents.push(',');
    }
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({extents}), }}");
    // Magic, version and length take ten bytes, and a line break ends the text.
    let whole = (10 + text.len() + 1).next_multiple_of(64);
    let mut header = [&MAGIC[..], &[1, 0]].concat();
    header.extend(((whole - 10) as u16).to_le_bytes());
    header.extend(text.bytes());
    header.resize(whole - 1, b' ');
    header.push(b'\n');
    header
}

/// Writes numbers as little-endian f32, some at a time.
pub(crate) fn write_numbers(to: &mut (impl Write + ?Sized), numbers: &[f32]) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    for some in numbers.chunks(1 << 14) {
        bytes.clear();
        bytes.extend(some.iter().flat_map(|number| number.to_le_bytes()));
        to.write_all(&bytes)?;
    }
    Ok(())
}

/// Reads an array of at most five axes as f32, row-major, whatever its type and order in the file.
///
/// # Errors
/// [`Error::File`] when the file is no array, damaged, or larger than 2³⁰ numbers.
pub fn read(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    read_whole(path).map_err(|message| Error::File { path: path.into(), message })
}

fn read_whole(path: &Path) -> Result<Tensor, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(cannot)?;
    let length = file.metadata().map_err(cannot)?.len();
    let mut reader = BufReader::new(file);
    let header = Header::read(&mut reader)?;
    if header.numbers == NumberType::Other {
        return Err(format!("holds {}", header.numbers));
    }
    if header.shape.len() > MAX_AXES || header.whole() != Some(length) {
        return Err(format!(
            "its header tells of the shape {:?} of {}, which is not what its {length} bytes hold",
            header.shape, header.numbers
        ));
    }
    if header.shape.iter().product::<usize>() > LARGEST_ARRAY {
        return Err(format!("has the shape {:?}; at most {LARGEST_ARRAY} numbers are read", header.shape));
    }
    let mut array = Tensor::zeros(Shape::new(&header.shape));
    header.copy(&mut reader, Target::new(array.data_mut(), plain(&header.shape)))?;
    Ok(array)
}

/// Writes an array as f32 in C order; the name appears only when all is on the disk.
///
/// # Errors
/// [`Error::File`] with the cause.
pub fn write(path: impl AsRef<Path>, array: &Tensor) -> Result<()> {
    let path = path.as_ref();
    crate::write::whole_file(path, |file| {
        file.write_all(&header(&array.shape()))?;
        write_numbers(file, array.data())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Header> {
        Literal { rest: text }.header()
    }

    #[test]
    fn headers_are_read_as_python_writes_them() {
        let header = parse("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   \n").unwrap();
        assert_eq!((header.shape, header.numbers, header.fortran), (vec![3, 4], NumberType::F32, false));
        let header = parse("{\"shape\":(5,),'fortran_order':True,'descr':'>i8'}").unwrap();
        assert_eq!((header.shape, header.numbers, header.fortran), (vec![5], NumberType::I64, true));
        assert!(header.big_endian);
        assert!(parse("{'descr': '|b1', 'fortran_order': False, 'shape': ()}").unwrap().shape.is_empty());
        assert_eq!(parse("{'descr': '<u2', 'fortran_order': False, 'shape': (7L,)}").unwrap().shape, [7]);
        let text = parse("{'descr': '<U12', 'fortran_order': False, 'shape': (1,)}").unwrap();
        assert_eq!(text.numbers, NumberType::Other);
    }

    #[test]
    fn other_headers_are_refused() {
        for wrong in [
            "",
            "{}",
            "{'descr': '<f4', 'fortran_order': False}",
            "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': ((((1,),),),)}",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
            "{'descr': '', 'fortran_order': False, 'shape': (1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
            "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_aligned() {
        for shape in [&[][..], &[3], &[2, 3, 4]] {
            let bytes = header(shape);
            assert!(bytes.len().is_multiple_of(64));
            let read = Header::read(&mut &*bytes).unwrap();
            assert_eq!(
                (&*read.shape, read.numbers, read.length),
                (shape, NumberType::F32, bytes.len() as u64)
            );
        }
    }
}
